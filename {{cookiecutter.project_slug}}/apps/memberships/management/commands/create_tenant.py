"""Create a tenant."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.memberships.addresses import clean_address
from apps.memberships.invitations import invite_owner
from apps.memberships.roles import Role
from apps.memberships.services import add_member
from apps.tenants.management.base import in_a_sentence
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_creation


class Command(BaseCommand):
    """``create_tenant SLUG [--owner EMAIL] [--name NAME] [--domain DOMAIN]``."""

    help = "Create a tenant with its domain, its storage and its Owner."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="name in the tenant's host name, for example acme")
        parser.add_argument("--name", default="", help="display name (default: the slug)")
        parser.add_argument(
            "--domain", default="", help="host name (default: below the base domain)"
        )
        parser.add_argument(
            "--owner",
            default="",
            help="e-mail address of its Owner; without an account, the Owner is invited by mail",
        )

    def handle(
        self, *args: object, slug: str, name: str, domain: str, owner: str, **options: object
    ) -> None:
        """Create the tenant, or fail with one sentence."""
        with in_a_sentence(f"create {slug!r}"):
            owner = owner and clean_address(owner)
            user = _active_user(owner) if owner else None
            with tenant_creation(slug=slug, name=name or slug, domain=domain) as tenant:
                if user:
                    add_member(tenant, user, Role.OWNER)
                elif owner:
                    invite_owner(tenant, owner)
        primary = tenant.domains.get(is_primary=True)
        self.stdout.write(self.style.SUCCESS(f"Tenant {tenant.slug} ({tenant.pk}) at {primary}"))
        self.stdout.write(_next_step(tenant, owner, is_user=user is not None))


def _active_user(email: str) -> AbstractUser | None:
    user = get_user_model().objects.find(email).first()
    if user and not user.is_active:
        raise CommandError(f"The user {email} is deactivated.")
    return user


def _next_step(tenant: Tenant, owner: str, *, is_user: bool) -> str:
    if is_user:
        return f"{owner} is its Owner, and can log in at {tenant.url('/login/')}."
    if owner:
        return f"{owner} is invited by mail as its Owner, and sets a password with the link."
    return f"It has no Owner yet: manage.py assign_user_to_tenant {tenant.slug} EMAIL --role owner"
