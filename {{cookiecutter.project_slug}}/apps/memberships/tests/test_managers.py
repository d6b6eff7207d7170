"""Managers of memberships require a tenant or a user."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.isolation import tenant_context
from apps.isolation.managers import TenantRequired
from apps.isolation.testing import make_member
from apps.memberships.models import Invitation, Membership
from apps.tenants.models import Tenant
from apps.tenants.tests.test_managers import QUESTIONS


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("model", [Membership, Invitation])
def test_query_without_a_tenant_is_refused(model: Any, question: str) -> None:
    with pytest.raises(TenantRequired, match=rf"{model.__name__}\.objects starts with for_tenant"):
        QUESTIONS[question](model.objects)


@pytest.mark.parametrize("model", [Membership, Invitation])
def test_none_does_not_mean_all_tenants(model: Any) -> None:
    with pytest.raises(TenantRequired):
        model.objects.for_tenant(None)


def test_for_tenant_filtering(acme: Tenant, globex: Tenant) -> None:
    """``for_tenant`` returns the rows of its argument, not of the active tenant."""
    ours, _ = make_member(acme, "member"), make_member(globex, "member")
    assert Membership.objects.for_tenant(acme).get() == ours
    assert Membership.objects.for_tenant(acme.pk).get() == ours
    with tenant_context(globex):
        assert Membership.objects.for_tenant(acme).get() == ours


def test_for_user_returns_the_users_memberships(acme: Tenant, globex: Tenant) -> None:
    ours = make_member(acme, "member")
    theirs = make_member(globex, "admin", ours.user.email)
    make_member(globex, "member")
    assert set(Membership.objects.for_user(ours.user)) == {ours, theirs}
    with tenant_context(globex):
        assert set(Membership.objects.for_user(ours.user)) == {ours, theirs}


@pytest.mark.parametrize("nobody", [None, AnonymousUser()])
def test_none_does_not_mean_all_users(nobody: Any) -> None:
    with pytest.raises(TenantRequired, match=r"for_user\(user\) needs a user"):
        Membership.objects.for_user(nobody)


def test_related_managers_of_a_tenant_need_no_for_tenant(acme: Tenant, globex: Tenant) -> None:
    ours, _ = make_member(acme, "member"), make_member(globex, "member")
    assert list(acme.memberships.all()) == [ours]
