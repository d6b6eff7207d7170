"""``assign_user_to_tenant``: changes, errors, output and dry runs."""

import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from apps.audit.models import AuditEvent
from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.tenants.models import Tenant

ARGUMENTS = ["acme", "new@example.test", "--role", "admin"]
CHANGES = {
    "role": {"before": None, "after": "admin"},
    "is_active": {"before": None, "after": True},
}


@pytest.fixture(autouse=True)
def users(acme: Tenant) -> None:
    make_member(acme, "owner")
    users: Any = get_user_model()._default_manager
    users.create_user("new@example.test")


def _run(*arguments: str) -> str:
    output = StringIO()
    call_command("assign_user_to_tenant", *arguments, stdout=output)
    return output.getvalue()


def _stored() -> list[Any]:
    models = (Tenant, Membership, AuditEvent)
    return [list(model._base_manager.order_by("pk").values()) for model in models]


def test_command_reports_changes_and_dry_run_rolls_back() -> None:
    before = _stored()
    expected = {"tenant": "acme", "dry_run": True, "changes": CHANGES}
    assert json.loads(_run(*ARGUMENTS, "--dry-run", "--json")) == expected
    lines = _run(*ARGUMENTS, "--dry-run").splitlines()
    assert len(lines) == len(CHANGES)
    assert all(": would be " in line for line in lines)
    assert _stored() == before
    assert json.loads(_run(*ARGUMENTS, "--json")) == {**expected, "dry_run": False}
    assert _stored() != before


def test_second_run_changes_nothing() -> None:
    _run(*ARGUMENTS)
    before = _stored()
    assert _run(*ARGUMENTS) == "Nothing to change.\n"
    assert _stored() == before


def test_unknown_tenant_is_refused() -> None:
    with pytest.raises(CommandError, match=r"There is no tenant 'nobody'\."):
        _run("nobody", *ARGUMENTS[1:])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["acme", "nobody@example.test"], "There is no user 'nobody@example.test'"),
        (["acme", "new@example.test", "--role", "king"], "invalid choice"),
        (["acme", "owner@acme.test", "--role", "admin"], "At least one Owner must remain"),
    ],
)
def test_invalid_users_are_not_assigned(arguments: list[str], reason: str) -> None:
    before = _stored()
    with pytest.raises(CommandError, match=reason):
        _run(*arguments)
    assert _stored() == before


def test_former_member_is_reactivated() -> None:
    _run(*ARGUMENTS)
    former = Membership.platform.get(user__email="new@example.test")
    Membership.platform.filter(pk=former.pk).update(is_active=False)
    _run("acme", "NEW@example.test")
    former.refresh_from_db()
    assert (former.role, former.is_active) == ("member", True)
    actions = AuditEvent.platform.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["member.joined", "member.joined"]
