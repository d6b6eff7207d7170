"""Limits on exports of one person's data."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.privacy.models import PrivacyRequest, RequestKind, RequestStatus
from apps.privacy.services import ask_as_platform
from apps.privacy.tests.conftest import Side
from apps.tasks.testing import run_enqueued_tasks
from tests.support import at_once

pytestmark = pytest.mark.django_db(transaction=True)

type Sides = tuple[Side, Side]
API = "/api/v1/privacy-requests/"


@pytest.fixture(autouse=True)
def hours(settings: Any) -> None:
    """Set the limit, which test settings disable."""
    settings.PRIVACY_EXPORT_HOURS = 24


def _age(tenant: Any, **values: Any) -> None:
    PrivacyRequest.objects.for_tenant(tenant).update(**values)


def _ago(hours: float) -> Any:
    return timezone.now() - timedelta(hours=hours)


def test_second_export_is_refused_with_retry_after(sides: Sides) -> None:
    ours, _ = sides
    assert ours.client.post(API, {"kind": "export"}).status_code == 201
    response = ours.client.post(API, {"kind": "export"})
    assert (response.status_code, response.json()["code"]) == (429, "export_too_soon")
    assert 23 * 3600 < int(response.headers["Retry-After"]) <= 24 * 3600
    assert PrivacyRequest.objects.for_tenant(ours.tenant).count() == 1


def test_admins_request_for_the_same_person_is_refused(sides: Sides) -> None:
    ours, _ = sides
    ours.client.post(API, {"kind": "export"})
    assert ours.ask("export").status_code == 429


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"created_at": _ago(25)}, 201),
        ({"created_at": _ago(23)}, 429),
        ({"created_at": _ago(25), "status": "pending", "completed_at": None}, 429),
        ({"created_at": _ago(25), "status": "running", "completed_at": None}, 429),
        ({"created_at": _ago(25), "status": "failed", "completed_at": None}, 201),
        ({"created_at": _ago(1), "status": "failed", "completed_at": None}, 429),
        ({"kind": "erase"}, 201),
    ],
)
def test_open_or_recent_export_delays_the_next(
    values: dict[str, Any], status: int, sides: Sides
) -> None:
    ours, _ = sides
    ours.client.post(API, {"kind": "export"})
    run_enqueued_tasks()
    _age(ours.tenant, **values)
    response = ours.client.post(API, {"kind": "export"})
    assert response.status_code == status
    assert (int(response.headers["Retry-After"]) > 0) if status == 429 else True


def test_exports_of_others_are_not_delayed(sides: Sides, client_of: Callable[..., Any]) -> None:
    ours, theirs = sides
    for client in (ours.client, theirs.client, client_of(ours.tenant, "viewer")):
        assert client.post(API, {"kind": "export"}).status_code == 201


def test_exports_by_the_platform_are_not_delayed(sides: Sides) -> None:
    ours, _ = sides
    ours.client.post(API, {"kind": "export"})
    request = ask_as_platform(ours.tenant.pk, RequestKind.EXPORT, ours.member.user_id)
    assert request.status == RequestStatus.PENDING


def test_erasure_is_not_delayed(sides: Sides) -> None:
    ours, _ = sides
    ours.ask("export")
    assert ours.ask("erase").status_code == 201


def test_concurrent_requests_create_one_export(sides: Sides) -> None:
    ours, _ = sides
    statuses = at_once(4, lambda: ours.ask("export").status_code)
    assert sorted(statuses) == [201, 429, 429, 429]
