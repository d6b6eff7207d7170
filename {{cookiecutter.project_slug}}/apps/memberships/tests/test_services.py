"""Memberships that the platform adds."""

from django.contrib.auth import get_user_model

from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.memberships.services import add_member
from apps.tenants.models import Tenant


def test_adding_a_member_again_changes_the_role(acme: Tenant) -> None:
    user = get_user_model()._default_manager.create(email="who@acme.test")
    first = add_member(acme, user, Role.VIEWER)
    Membership.platform.update(is_active=False)
    second = add_member(acme, user, Role.ADMIN)
    assert second.pk == first.pk
    assert (second.role, second.is_active) == (Role.ADMIN, True)
    assert Membership.objects.for_tenant(acme).count() == 1
