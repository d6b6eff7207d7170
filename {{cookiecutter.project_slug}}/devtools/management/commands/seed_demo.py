"""Fill the database with two tenants to try things out on."""

import os
import secrets
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand

from apps.authentication.models import User
from apps.isolation import tenant_context
from apps.memberships.roles import Role
from apps.memberships.services import add_member
from apps.tenants.models import Status, Tenant
from apps.tenants.services import create_tenant
from devtools.demo import of_product

TENANTS = {"acme": "Acme", "globex": "Globex"}
IN_BOTH = "both@example.test"
ROLES_IN_BOTH = {"acme": Role.MEMBER, "globex": Role.ADMIN}


class Command(BaseCommand):
    """``seed_demo``: a second run changes nothing but the passwords."""

    help = "Make two tenants; their users' password is DEMO_PASSWORD, or random and then printed."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing."""
        given = os.environ.get("DEMO_PASSWORD", "")
        password = given or secrets.token_urlsafe(12)
        # One hash for all: hashing is slow on purpose, and these users share the password.
        hashed = make_password(password)
        for slug, name in TENANTS.items():
            tenant = Tenant.objects.filter(slug=slug, status=Status.ACTIVE).first()
            tenant = tenant or create_tenant(slug=slug, name=name)
            members = {f"{role}@{slug}.test": role for role in Role}
            for email, role in (members | {IN_BOTH: ROLES_IN_BOTH[slug]}).items():
                add_member(tenant, _user(email, hashed), role)
            with tenant_context(tenant):
                for product in of_product():
                    product.fill(name)
            self.stdout.write(f"Tenant {slug}: {', '.join(members)}, {IN_BOTH}")
        if not given:
            self.stdout.write(f"Password of all demo users: {password}")


def _user(email: str, hashed_password: str) -> User:
    user, _ = User.objects.update_or_create(email=email, defaults={"password": hashed_password})
    # A verified address may have a second factor.
    EmailAddress.objects.update_or_create(user=user, email=email, defaults={"verified": True})
    return user
