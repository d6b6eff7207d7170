"""Creates tenants in a compared project: ``seed.py FROM TO``, in the project's folder.

Each tenant has a member and a project with 50 tasks. Prints a line of JSON for each: its address
and member, and the seconds of its creation, without rows. ``--from-pool`` provisions storage in
advance.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.core.management import call_command

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = 50

HOURS = 12
"""How long tokens are good, which have to outlast the run."""


def main() -> None:
    """Create the tenants with numbers from FROM up to, but without, TO."""
    sys.path.insert(0, str(Path.cwd()))
    django.setup()
    make = next(make for module, make in KINDS.items() if find_spec(module))
    numbers = range(int(sys.argv[1]), int(sys.argv[2]))
    if "--from-pool" in sys.argv:
        call_command("prepare_tenants", str(len(numbers)), verbosity=0)
    for number in numbers:
        print(json.dumps(make(f"t{number:05}")), flush=True)


def of_ours(slug: str) -> dict[str, Any]:
    """Create a tenant of a generated project."""
    from apps.authentication.models import User
    from apps.authentication.tokens import TenantRefreshToken
    from apps.isolation import tenant_context
    from apps.memberships.roles import Role
    from apps.memberships.services import add_member
    from apps.tenants.services import create_tenant

    seconds, tenant = timed(lambda: create_tenant(slug=slug, name=slug))
    user = User.objects.create(email=f"{slug}@example.test")
    token = TenantRefreshToken.for_membership(add_member(tenant, user, Role.MEMBER))
    project = fill(lambda: tenant_context(tenant))
    return seat(slug, token.access_token, project, seconds)


def of_django_tenants(slug: str) -> dict[str, Any]:
    """Create a tenant of django-tenants."""
    from apps.authentication.models import User
    from apps.customers.models import Client, Domain
    from django_tenants.utils import tenant_context
    from rest_framework_simplejwt.tokens import AccessToken

    seconds, client = timed(lambda: Client.objects.create(schema_name=slug, name=slug))
    Domain.objects.create(domain=f"{slug}.localhost", tenant=client, is_primary=True)
    user = User.objects.create(email=f"{slug}@example.test")
    project = fill(lambda: tenant_context(client))
    return seat(slug, AccessToken.for_user(user), project, seconds)


def of_django_rls_tenants(slug: str) -> dict[str, Any]:
    """Create a tenant of django-rls-tenants."""
    from apps.authentication.models import User
    from apps.customers.models import Tenant
    from django_rls_tenants import tenant_context
    from rest_framework_simplejwt.tokens import AccessToken

    seconds, tenant = timed(lambda: Tenant.objects.create(name=slug))
    user = User.objects.create(email=f"{slug}@example.test", tenant=tenant)
    project = fill(lambda: tenant_context(tenant.pk))
    return seat(slug, AccessToken.for_user(user), project, seconds)


def of_nobody(slug: str) -> dict[str, Any]:
    """Create a user in a project without tenants."""
    from apps.authentication.models import User
    from rest_framework_simplejwt.tokens import AccessToken

    seconds, user = timed(lambda: User.objects.create(email=f"{slug}@example.test"))
    return seat(slug, AccessToken.for_user(user), fill(nullcontext), seconds)


KINDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "apps.tenants.services": of_ours,
    "config.settings_tenants": of_django_tenants,
    "config.settings_rls": of_django_rls_tenants,
    "apps.projects": of_nobody,
}
"""How to create a tenant, by the module that identifies the project; the first that exists."""


def fill(entered: Callable[[], AbstractContextManager[Any]]) -> str:
    """Give a tenant its rows; return its project's id."""
    from apps.projects.models import Project, Task

    with entered():
        # Without tenants, names of projects are globally unique.
        project = Project.objects.create(name=f"project {time.monotonic_ns()}")
        titles = (f"task {number}" for number in range(TASKS))
        Task.objects.bulk_create(Task(project=project, title=title) for title in titles)
    return str(project.pk)


def seat(slug: str, token: Any, project: str, seconds: float) -> dict[str, Any]:
    """Return a tenant's line."""
    token.set_exp(lifetime=timedelta(hours=HOURS))
    return {
        "host": f"{slug}.localhost",
        "token": str(token),
        "project": project,
        "seconds": seconds,
    }


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds and the result of a function call."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


if __name__ == "__main__":
    main()
