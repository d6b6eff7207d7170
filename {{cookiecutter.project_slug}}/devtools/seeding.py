"""The demo's data: two tenants with users of every role."""

import base64
import os
from collections.abc import Callable

from django.contrib.auth.hashers import check_password, make_password
from django.utils.crypto import salted_hmac

from apps.authentication.models import User
from apps.isolation import tenant_context
from apps.memberships.addresses import mark_verified
from apps.memberships.roles import Role
from apps.memberships.services import add_member
from apps.tenants.models import Status, Tenant
from apps.tenants.services import create_tenant
from devtools.demo import of_product

TENANTS = {"acme": "Acme", "globex": "Globex"}
IN_BOTH = "both@example.test"
ROLES_IN_BOTH = {"acme": Role.MEMBER, "globex": Role.ADMIN}
EMAILS = [*(f"{role}@{slug}.test" for slug in TENANTS for role in Role), IN_BOTH]


def seed(write: Callable[[str], object]) -> str | None:
    """Create missing data; return the users' password, or an empty text if it is unknown.

    Existing users keep their passwords and log-ins, unless ``DEMO_PASSWORD`` is set.
    """
    tenants = [_tenant(slug) for slug in TENANTS]
    given = os.environ.get("DEMO_PASSWORD", "")
    password = given or _password_of(tenants[0])
    hashes = _hashes()
    known = {each for each in hashes.values() if check_password(password, each)}
    # One hash for all users, since hashing is slow and they share the password.
    hashed = min(known, default="") or make_password(password)
    kept = known if given else {*hashes.values()}
    for tenant in tenants:
        members = {f"{role}@{tenant.slug}.test": role for role in Role}
        for email, role in (members | {IN_BOTH: ROLES_IN_BOTH[tenant.slug]}).items():
            current = hashes.get(email)
            add_member(tenant, _user(email, current if current in kept else hashed), role)
        with tenant_context(tenant):
            for product in of_product():
                product.fill(tenant.name)
        write(f"Tenant {tenant.slug}: {', '.join(members)}, {IN_BOTH}")
    return password if given or known or len(hashes) < len(EMAILS) else None


def _tenant(slug: str) -> Tenant:
    tenant = Tenant.objects.filter(slug=slug, status=Status.ACTIVE).first()
    return tenant or create_tenant(slug=slug, name=TENANTS[slug])


def _password_of(tenant: Tenant) -> str:
    """Return the demo's password, derived from the id of its first tenant and SECRET_KEY."""
    digest = salted_hmac("devtools.seeding", str(tenant.pk), algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest)[:12].decode()


def _hashes() -> dict[str, str]:
    """Return the stored password of each user that exists, by address."""
    users = User.objects.filter(email__in=EMAILS)
    return dict(users.values_list("email", "password"))


def _user(email: str, hashed_password: str) -> User:
    user, _ = User.objects.update_or_create(email=email, defaults={"password": hashed_password})
    # Verified, since a second factor requires it.
    mark_verified(user)
    return user
