"""Make a user a member of a tenant."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.memberships.services import add_member
from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Tenant


class Command(TenantCommand):
    """``assign_user_to_tenant SLUG EMAIL [--role ROLE] [--dry-run] [--json]``."""

    help = "Make a user a member of a tenant; who is one already gets the role."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("email", help="address of somebody who has an account")
        parser.add_argument("--role", choices=Role.values, default=Role.MEMBER.value)

    def state(self, tenant: Tenant, options: dict[str, Any]) -> dict[str, Any]:
        """Return the user's place in the tenant; nothing if they have none."""
        rows = Membership.objects.for_tenant(tenant).filter(user=_user(options["email"]))
        return {**(rows.values("role", "is_active").first() or {})}

    def change(self, tenant: Tenant, options: dict[str, Any]) -> None:
        """Give them the place."""
        add_member(tenant, _user(options["email"]), Role(options["role"]))


def _user(email: str) -> Any:
    users = get_user_model().objects
    user = users.find(email).first()
    if user is None:
        raise CommandError(f"There is no user {email!r}: let them sign up, or be invited.")
    return user
