"""Constraints on memberships in the database, and the order of roles."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing import make_member
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.tenants.models import Tenant

RANKS = [Role.VIEWER, Role.MEMBER, Role.ADMIN, Role.OWNER]


def _second_membership(acme: Tenant) -> None:
    present = Membership.platform.get()
    Membership(tenant=acme, user=present.user, role="viewer").save()


WRONG: dict[str, Callable[[Tenant], Any]] = {
    "membership_role_is_known": lambda acme: Membership.platform.update(role="king"),
    "membership_once_per_tenant": _second_membership,
}


@pytest.mark.parametrize("constraint", WRONG)
def test_database_refuses(constraint: str, acme: Tenant) -> None:
    make_member(acme, "member")
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic(using=SHARED_DB):
        WRONG[constraint](acme)


def test_user_tenant_membership(acme: Tenant, globex: Tenant) -> None:
    """A user may be a member of many tenants, with a different role in each."""
    user = make_member(acme, "member").user
    assert make_member(globex, "admin", user.email).user == user
    roles = Membership.objects.for_user(user).values_list("tenant__slug", "role")
    assert set(roles) == {("acme", "member"), ("globex", "admin")}


def test_user_with_memberships_cannot_be_deleted(acme: Tenant) -> None:
    membership = make_member(acme, "member")
    with pytest.raises(ProtectedError):
        membership.user.delete()
    assert Membership.objects.for_tenant(acme).get() == membership


def test_inviter_can_be_deleted(acme: Tenant) -> None:
    inviter = get_user_model()._default_manager.create(email="inviter@example.test")
    membership = make_member(acme, "member")
    Membership.platform.update(invited_by=inviter)
    inviter.delete()
    membership.refresh_from_db()
    assert membership.invited_by is None


def test_str(acme: Tenant) -> None:
    assert str(make_member(acme, "viewer")) == "viewer@acme.test - Acme (viewer)"


@pytest.mark.parametrize("role", RANKS)
@pytest.mark.parametrize("wanted", RANKS)
def test_role_reaches_lower_roles_and_itself(role: Role, wanted: Role) -> None:
    assert role.reaches(wanted) is (RANKS.index(role) >= RANKS.index(wanted))


def test_list_of_roles() -> None:
    assert set(Role) == set(RANKS)
