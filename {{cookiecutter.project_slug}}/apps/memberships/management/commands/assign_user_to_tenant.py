"""Make a user a member of a tenant, or change a member's role."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.management.base import CommandError, CommandParser

from apps.memberships.addresses import clean_address
from apps.memberships.invitations import invite_owner
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.memberships.selectors import open_invitations
from apps.memberships.services import add_member
from apps.tenants.management.base import TenantCommand
from apps.tenants.models import Tenant


class Command(TenantCommand):
    """``assign_user_to_tenant SLUG EMAIL [--role ROLE] [--invite] [--dry-run] [--json]``."""

    help = "Make a user a member of a tenant, or change a member's role."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("email", help="e-mail address of an existing user")
        parser.add_argument("--role", choices=Role.values, default=Role.MEMBER.value)
        parser.add_argument(
            "--invite",
            action="store_true",
            help="mail an invitation to an Owner without an account",
        )

    def state(self, tenant: Tenant, options: dict[str, Any]) -> dict[str, object]:
        """Return the user's membership of the tenant; nothing without one."""
        if (user := _user(**options)) is None:
            invited = open_invitations(tenant.pk).filter(email=clean_address(options["email"]))
            return {"invited_as": invited.values_list("role", flat=True).first()}
        rows = Membership.objects.for_tenant(tenant).filter(user=user.pk)
        return {**(rows.values("role", "is_active").first() or {})}

    def change(self, tenant: Tenant, options: dict[str, Any]) -> None:
        """Make the user a member, or invite the address."""
        if user := _user(**options):
            add_member(tenant, user, Role(options["role"]))
        else:
            invite_owner(tenant, options["email"])


def _user(email: str, role: str, *, invite: bool, **options: object) -> AbstractUser | None:
    """Return the user, or None for an address to invite."""
    user = get_user_model().objects.find(email).first()
    if user is None and not (invite and role == Role.OWNER):
        message = f"There is no user {email!r}: let them sign up, or invite them."
        raise CommandError(f"{message} Use --role owner --invite to invite an Owner.")
    return user
