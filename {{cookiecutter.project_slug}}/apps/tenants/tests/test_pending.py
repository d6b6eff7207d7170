"""Pending tenants: storage that is created in advance."""

from collections.abc import Iterator
from io import StringIO
from itertools import count
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from apps.isolation import ActiveTenant
from apps.isolation.strategy.provisioning import deprovision, provision, provisioning_report
from apps.isolation.testing import api_client, make_member
from apps.tenants import pending as pending_tenants
from apps.tenants import services
from apps.tenants.models import PendingTenant, Tenant
from apps.tenants.pending import prepare
from apps.tenants.services import create_tenant, tenant_creation
from tests.support import at_once


@pytest.fixture(autouse=True)
def pending(provisioning: None) -> Iterator[Any]:
    """Create one pending storage, and destroy unused ones afterwards."""
    (pk,) = prepare(1)
    yield pk
    list(prepare(0))


def _ready() -> set[Any]:
    return set(PendingTenant.objects.filter(is_ready=True).values_list("pk", flat=True))


def test_new_tenant_uses_pending_storage(pending: Any, monkeypatch: Any) -> None:
    assert provisioning_report(ActiveTenant(pending)).exists
    with monkeypatch.context() as patch:
        patch.delattr(services, "provision")  # since nothing needs to be created
        tenant = create_tenant(slug="initech", name="Initech")
    assert tenant.pk == pending
    assert not _ready()
    client = api_client(tenant, make_member(tenant, "member").user.email)
    assert client.post("/api/v1/sample/shelves/", {"name": "first"}).status_code == 201
    assert create_tenant(slug="hooli", name="Hooli").pk != pending


def test_concurrent_tenants_share_no_storage(pending: Any) -> None:
    ready = {pending, *prepare(4)}
    numbers = count()
    made = at_once(8, lambda: create_tenant(slug=f"tenant-{next(numbers)}", name="T").pk)
    assert len(set(made)) == 8
    assert ready <= set(made)
    assert not _ready()


def test_refused_tenant_uses_no_storage(pending: Any) -> None:
    create_tenant(slug="initech", name="Initech")
    (another,) = prepare(1)
    with pytest.raises(ValidationError):
        create_tenant(slug="initech", name="Initech")
    assert _ready() == {another}


def test_failed_tenant_leaves_nothing(pending: Any) -> None:
    with pytest.raises(RuntimeError), tenant_creation(slug="initech", name="Initech"):
        raise RuntimeError
    assert not Tenant.objects.exists()
    assert not _ready()


@pytest.mark.parametrize("is_made", [False, True])
def test_killed_run_is_completed(pending: Any, is_made: bool) -> None:
    begun = PendingTenant.objects.create()
    if is_made:
        provision(ActiveTenant(begun.pk))
    assert create_tenant(slug="initech", name="Initech").pk == pending
    assert create_tenant(slug="hooli", name="Hooli").pk != begun.pk
    assert list(prepare(1)) == [begun.pk]
    assert create_tenant(slug="piper", name="Piper").pk == begun.pk


def test_partly_destroyed_storage_is_not_used(pending: Any, monkeypatch: Any) -> None:
    def break_off(tenant: ActiveTenant) -> None:
        deprovision(tenant)
        raise OSError("The files cannot be reached.")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="files"):
        patch.setattr(pending_tenants, "deprovision", break_off)
        list(prepare(0))
    assert not _ready()
    assert create_tenant(slug="initech", name="Initech").pk != pending


def test_command_prepares_the_given_number() -> None:
    for wanted in (3, 3, 1):
        call_command("prepare_tenants", str(wanted), stdout=StringIO())
        assert len(_ready()) == wanted
        assert all(provisioning_report(ActiveTenant(pk)).exists for pk in _ready())
    with pytest.raises(CommandError, match="cannot be negative"):
        call_command("prepare_tenants", "-1")
