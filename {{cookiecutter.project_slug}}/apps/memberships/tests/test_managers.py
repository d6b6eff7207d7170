"""Memberships of all tenants in one table: nobody gets them by forgetting a filter."""

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
def test_a_question_that_names_no_tenant_is_refused(model: Any, question: str) -> None:
    with pytest.raises(TenantRequired, match=rf"{model.__name__}\.objects starts with for_tenant"):
        QUESTIONS[question](model.objects)


@pytest.mark.parametrize("model", [Membership, Invitation])
def test_no_tenant_is_not_every_tenant(model: Any) -> None:
    with pytest.raises(TenantRequired):
        model.objects.for_tenant(None)


def test_for_tenant_filtering(acme: Tenant, globex: Tenant) -> None:
    """``for_tenant`` gives the rows of that tenant, whichever is active."""
    ours, _ = make_member(acme, "member"), make_member(globex, "member")
    assert Membership.objects.for_tenant(acme).get() == ours
    assert Membership.objects.for_tenant(acme.pk).get() == ours
    with tenant_context(globex):
        assert Membership.objects.for_tenant(acme).get() == ours


def test_for_user_gives_the_memberships_of_that_user(acme: Tenant, globex: Tenant) -> None:
    ours = make_member(acme, "member")
    theirs = make_member(globex, "admin", ours.user.email)
    make_member(globex, "member")
    assert set(Membership.objects.for_user(ours.user)) == {ours, theirs}
    with tenant_context(globex):
        assert set(Membership.objects.for_user(ours.user)) == {ours, theirs}


@pytest.mark.parametrize("nobody", [None, AnonymousUser()])
def test_no_user_is_not_every_user(nobody: Any) -> None:
    with pytest.raises(TenantRequired, match=r"for_user\(user\) needs a user"):
        Membership.objects.for_user(nobody)


def test_relations_name_the_tenant_by_themselves(acme: Tenant, globex: Tenant) -> None:
    ours, _ = make_member(acme, "member"), make_member(globex, "member")
    assert list(acme.memberships.all()) == [ours]
