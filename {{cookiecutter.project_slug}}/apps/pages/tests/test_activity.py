"""The page of the audit log, and its export."""

import csv
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.audit.services import Action, record
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.pages import activity
from apps.pages.testing import Visit
from apps.tenants.models import Tenant

PAGE, EXPORT = "/activity/", "/activity/export/"


@pytest.fixture
def mia(acme: Tenant) -> Membership:
    """Return a member with a name that looks like a formula, whose role has changed."""
    member: Membership = make_member(acme, "member", "mia@acme.test")
    member.user.full_name = "=Mia <b>"
    member.user.save()
    roles = {"before": {"role": "member"}, "after": {"role": "x"}}
    _record(acme, Action.MEMBER_ROLE_CHANGED, member, **roles)
    return member


def _record(tenant: Tenant, action: Action, of: Any = None, actor: Any = None, **more: Any) -> None:
    with transaction.atomic(using=SHARED_DB):
        record(action, of, tenant=tenant, actor=actor, **more)


def _table(client: Client, **query: Any) -> list[dict[str, str]]:
    response = client.get(EXPORT, query)
    assert response.status_code == 200
    lines = b"".join(response).decode().splitlines()
    return list(csv.DictReader(lines))


def test_events_are_described(mia: Membership, visit: Visit) -> None:
    text = visit("admin").get(PAGE).content.decode()
    assert "Member: role changed: <strong>=Mia &lt;b&gt;</strong>" in text
    assert "role: member → x" in text
    assert "Platform" in text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (None, "x", "x"),
        ("", "x", "x"),
        ("x", None, "x → none"),
        (False, True, "no → yes"),
        (1, 0, "1 → 0"),
        (["x"], {}, "['x'] → {}"),
    ],
)
def test_changes_are_described(
    before: object, after: object, text: str, acme: Tenant, visit: Visit
) -> None:
    client = visit("admin")
    _record(acme, Action.TENANT_CHANGED, before={"field": before}, after={"field": after})
    (row,) = _table(client, action=Action.TENANT_CHANGED)
    assert row["changes"] == f"field: {text}"


def test_former_members_have_no_name(acme: Tenant, mia: Membership, visit: Visit) -> None:
    client = visit("admin")
    _record(acme, Action.MEMBER_LEFT, mia, actor=mia.user)
    mia.delete()
    (row,) = _table(client, action=Action.MEMBER_LEFT)
    assert (row["person"], row["object"]) == (activity.UNKNOWN, activity.UNKNOWN)
    assert row["person_id"] == str(mia.user_id)


def test_export_as_csv(mia: Membership, visit: Visit) -> None:
    client = visit("admin")
    response = client.get(EXPORT)
    assert response["Content-Disposition"] == 'attachment; filename="activity.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in response["Cache-Control"]
    (row,) = _table(client, action=Action.MEMBER_ROLE_CHANGED)
    # A spreadsheet would calculate what begins with an equals sign.
    assert row["object"] == "'=Mia <b>"
    assert (row["kind"], row["changes"]) == ("Member: role changed", "role: member → x")


def test_filters(acme: Tenant, mia: Membership, visit: Visit) -> None:
    client = visit("admin")
    _record(acme, Action.MEMBER_LEFT, actor=mia.user)
    today = timezone.now().date()
    queries: list[tuple[dict[str, Any], list[str]]] = [
        ({"action": Action.MEMBER_LEFT}, ["Member: left"]),
        ({"actor": mia.user_id}, ["Member: left"]),
        ({"actor": mia.user_id, "action": Action.MEMBER_ROLE_CHANGED}, []),
        ({"since": today + timedelta(2)}, []),
        ({"until": today - timedelta(2)}, []),
        ({"since": "nonsense"}, []),
        ({"action": "nonsense"}, []),
        ({"until": "9999-12-31", "since": "0001-01-01", "actor": mia.user_id}, ["Member: left"]),
    ]
    for query, kinds in queries:
        assert [row["kind"] for row in _table(client, **query)] == kinds, query
        text = client.get(PAGE, query).content.decode()
        assert ("Nothing matches" in text) == (not kinds), query


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_days_are_in_the_tenants_time_zone(
    zone: str, acme: Tenant, mia: Membership, visit: Visit
) -> None:
    """One of the zones has another day than UTC, whatever the time."""
    client, today = visit("admin"), timezone.localdate(timezone=ZoneInfo(zone))
    Tenant.objects.filter(pk=acme.pk).update(settings={"timezone": zone})
    query: dict[str, Any] = {"since": today, "until": today}
    query["action"] = Action.MEMBER_ROLE_CHANGED
    assert "=Mia" in client.get(PAGE, query).content.decode()
    assert len(_table(client, **query)) == 1


def test_export_is_limited_to_the_newest_events(
    acme: Tenant, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = visit("admin")
    for number in range(7):
        _record(acme, Action.TENANT_CHANGED, reason=str(number))
    monkeypatch.setattr(activity, "BATCH", 2)
    query = {"action": Action.TENANT_CHANGED}
    for most, reasons in ((4, "6543"), (10, "6543210")):
        monkeypatch.setattr(activity, "EXPORTED_EVENTS", most)
        assert [row["reason"] for row in _table(client, **query)] == list(reasons)


@pytest.mark.parametrize("path", [PAGE, EXPORT])
def test_events_of_other_tenants_are_hidden(
    path: str, acme: Tenant, globex: Tenant, visit: Visit
) -> None:
    stranger = make_member(globex, "owner")
    _record(globex, Action.TENANT_CHANGED, actor=stranger.user, reason="Theirs")
    client = visit("owner")
    for query in ("", f"?actor={stranger.user_id}", f"?action={Action.TENANT_CHANGED}"):
        response = client.get(f"{path}{query}")
        assert b"Theirs" not in response.getvalue()


def test_only_admins_see_events(visit: Visit) -> None:
    assert PAGE not in visit("member").get("/members/").content.decode()
    assert f'href="{PAGE}"' in visit("admin").get("/members/").content.decode()
    for path in (PAGE, EXPORT):
        assert visit("member").get(path).status_code == 403
