"""Sends valid and invalid requests to every route of a running project, as one tenant.

Run inside a generated project: ``python fuzz.py``. Schemathesis calls each route of the OpenAPI
schema as a member and as an owner of tenant A, often with ids of tenant B. Every text of B is a
canary: no response may contain one (fuzz_hooks.py checks this). No response may be 5xx or
contradict the schema, and B's rows must be unchanged afterwards.

Then fuzz_client.py reads every list to its end, in every order and with every filter; each row must
appear once. It also sends every body in chunks, and too large. Models and routes are discovered, so
additions to the project need no change here.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from uuid import uuid4

from fuzz_client import Client, page_through, send_bodies
from serving import GUNICORN, server

SECONDS = 45  # for each role
ROLES = ("member", "owner")
ROWS = 7  # of each model, with equal values where possible
PASSWORD = secrets.token_urlsafe()
CANARY = "canary-b-"
# The tests' settings, without the sample app.
SETTINGS = """\
from config.settings.test import *

TENANT_APPS.remove("tests.sample")
INSTALLED_APPS.remove("tests.sample")
"""

# Routes to skip, with the reason.
EXCLUDED_CHECKS = {
    "positive_data_acceptance": "no schema describes which names are taken, and which rows exist",
    "negative_data_rejection": "numbers are accepted as texts, and empty filters are ignored",
}


def main() -> None:
    """Create two tenants, serve, send requests; exit 1 after a finding."""
    configure()
    a, b = (make_tenant(name) for name in ("fuzz-a", "fuzz-b"))
    for _ in range(ROWS):
        fill(a, "ours-")
    fill(b, CANARY)
    foreign = ids_of(b)
    before = fingerprint(b)
    seed = secrets.randbelow(2**32)
    threads = ("--threads=4", "--no-control-socket")
    with server(*GUNICORN, *threads, log=Path("fuzz.log")) as port:
        address = f"127.0.0.1:{port}"
        failed = [role for role in ROLES if not ask(address, a, role, foreign, seed)]
        client = Client(address, log_in(address, f"{a.slug}.localhost", email_of(a, "owner")))
        failed += [*page_through(client), *send_bodies(client)]
    if fingerprint(b) != before:
        failed.append("rows of the other tenant were changed")
    if failed:
        sys.exit(f"Findings: {', '.join(failed)}. Seed {seed}.")
    print(f"No findings as {' or '.join(ROLES)}. Seed {seed}.")


def configure() -> None:
    """Load the project with a new, migrated database."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as python -m would
    Path("fuzz_settings.py").write_text(SETTINGS, encoding="utf-8")
    os.environ["DJANGO_SETTINGS_MODULE"] = "fuzz_settings"
    from devtools.embedded_postgres import configure_environment

    configure_environment()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def make_tenant(name: str) -> Any:
    """Return a new tenant, with a member for each role."""
    from apps.tenants.services import create_tenant

    slug = f"{name}-{uuid4().hex[:8]}"
    tenant = create_tenant(slug=slug, name=slug)
    for role in ROLES:
        make_member(tenant, email_of(tenant, role), role)
    return tenant


def make_member(tenant: Any, email: str, role: str, **fields: Any) -> Any:
    """Return a new user who is a member of the tenant."""
    from apps.memberships.roles import Role
    from apps.memberships.services import add_member
    from django.contrib.auth import get_user_model

    user = get_user_model()._default_manager.create_user(email, PASSWORD, **fields)
    add_member(tenant, user, Role(role))
    return user


def email_of(tenant: Any, role: str) -> str:
    """Return the e-mail address of a member."""
    return f"{role}@{tenant.slug}.test"


def models_of_tenants() -> list[Any]:
    """Return the models of the product, each after its related models."""
    from apps.isolation.app_registry import is_tenant_model
    from django.apps import apps

    left, ordered = [m for m in apps.get_models() if is_tenant_model(m)], []
    while left:
        ready = [m for m in left if not (needed_by(m) & set(left)) - {m}]
        if not ready:
            sys.exit(f"These models refer to each other in a circle: {left}")
        ordered += ready
        left = [model for model in left if model not in ready]
    return ordered


def needed_by(model: Any) -> set[Any]:
    """Return the models of required relations."""
    return {f.related_model for f in model._meta.concrete_fields if f.is_relation and not f.null}


def fill(tenant: Any, text: str) -> None:
    """Create a row of every model for a new member, with the text in every possible field."""
    from apps.isolation import tenant_context

    name = f"{text}{uuid4()}"
    person = make_member(tenant, f"{name}@example.test", "member", full_name=name)
    rows = {type(person): person}
    with tenant_context(tenant):
        for model in models_of_tenants():
            fields = [f for f in model._meta.concrete_fields if not is_given(f)]
            values = {f.name: value_of(f, text, rows) for f in fields}
            rows[model] = model._default_manager.create(**values)


def is_given(field: Any) -> bool:
    """Return whether a field gets its value automatically."""
    given = field.primary_key or getattr(field, "references_own_tenant", False)
    dated = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return given or dated or bool(field.choices and field.has_default())


def value_of(field: Any, text: str, rows: dict[Any, Any]) -> Any:
    """Return a value for a field: the text, a created row, or the smallest valid value."""
    from django.core.files.base import ContentFile
    from django.db import models
    from django.utils import timezone

    if field.is_relation:
        return rows.get(field.related_model)
    # A content type must look like one.
    canary = f"{'text/' if field.name == 'content_type' else ''}{text}{uuid4()}"
    texts = {
        models.FileField: ContentFile(canary.encode(), name=f"{canary}.txt"),
        models.JSONField: {canary: canary},
        models.EmailField: f"{canary}@example.com",
        models.CharField | models.TextField: canary[: field.max_length],
    }
    least = {
        models.IntegerField | models.DecimalField | models.FloatField: 1,
        models.BooleanField: False,
        models.DateField: timezone.now(),
        models.UUIDField: uuid4(),
    }
    has_value = field.has_default() or field.null
    for kind, value in {**texts, **({} if has_value else least)}.items():
        if isinstance(field, kind):
            return value
    if not has_value:
        sys.exit(f"fuzz.py knows no value for {field}: add one to value_of().")
    return field.get_default()


def ids_of(tenant: Any) -> list[str]:
    """Return the ids of the tenant's rows."""
    from apps.isolation import tenant_context

    with tenant_context(tenant):
        return [str(row.pk) for model in models_of_tenants() for row in model._base_manager.all()]


def fingerprint(tenant: Any) -> str:
    """Return a hash of the tenant's rows, its members, and its own row."""
    from apps.isolation import tenant_context
    from apps.memberships.models import Membership
    from apps.tenants.models import Domain, Tenant

    memberships = Membership.objects.for_tenant(tenant)
    found = [Tenant._base_manager.filter(pk=tenant.pk), Domain.objects.for_tenant(tenant)]
    found += [memberships, memberships.values("user__email", "user__full_name", "user__password")]
    with tenant_context(tenant):
        found += [model._base_manager.all() for model in models_of_tenants()]
        rows = [sorted(map(str, query.values() if not query._fields else query)) for query in found]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def ask(address: str, tenant: Any, role: str, foreign: list[str], seed: int) -> bool:
    """Run Schemathesis as a member; return whether it found no problem."""
    host = f"{tenant.slug}.localhost"
    print(f"As {role} of {host}, seed {seed}:", flush=True)
    token = log_in(address, host, email_of(tenant, role))
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://{address}/api/schema/"]
    # On the shared host, which has all routes. The token names the tenant.
    command += ["--url", f"http://{address}", "--header", "Host: localhost"]
    command += ["--header", f"Authorization: Bearer {token}", "--seed", str(seed)]
    command += [
        "--max-time",
        str(SECONDS),
        "--checks",
        "all",
        "--no-color",
        "--continue-on-failure",
    ]
    command += ["--exclude-checks", ",".join(EXCLUDED_CHECKS)]
    # A user who has left the tenant gets no data.
    command += ["--exclude-path", "/api/v1/members/leave/"]
    hooks = {"SCHEMATHESIS_HOOKS": "fuzz_hooks", "PYTHONPATH": str(Path(__file__).parent)}
    own = {"FUZZ_CANARY": CANARY, "FUZZ_FOREIGN_IDS": ",".join(foreign)}
    return subprocess.run(command, env={**os.environ, **hooks, **own}, check=False).returncode == 0


def log_in(address: str, host: str, email: str) -> str:
    """Return an access token."""
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    headers = {"Host": host, "Content-Type": "application/json"}
    url = f"http://{address}/api/v1/auth/token/"
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        token: str = json.load(response)["access"]
    return token


if __name__ == "__main__":
    main()
