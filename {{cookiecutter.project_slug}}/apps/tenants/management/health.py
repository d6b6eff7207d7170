"""Checks of tenants and their data."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, transaction
from django.db.models import Exists, FileField, ForeignKey, Model, OuterRef, QuerySet
from django.utils.module_loading import import_string

from apps.audit.models import AuditEvent
from apps.isolation.app_registry import SHARED_DB, is_tenant_model
from apps.isolation.checks import violations
from apps.isolation.cross_tenant import cross_tenant
from apps.isolation.fields import Reference
from apps.isolation.integrations.limits import allow_long_statements
from apps.isolation.migration_state import is_fully_migrated
from apps.isolation.postgresql.limits import missing_limits
from apps.tenants.models import INCOMPLETE, Domain, Purge, Tenant

type Problem = tuple[str, str]
"""A tenant's slug (empty for shared data), and a sentence."""

REQUIRED: dict[str, list[Callable[[], QuerySet[Model]]]] = {"domain": [Domain.platform.all]}
"""Required rows of every tenant, by name: at least one of the listed kinds.

Apps above add theirs in ``ready``.
"""


def find_problems() -> Iterator[Problem]:
    """Yield all problems; with unapplied migrations, yield only these."""
    if not is_fully_migrated(connections[SHARED_DB]):
        yield "", "unapplied migrations: run manage.py migrate"
        return
    yield from (("", problem) for problem in (*violations(), *missing_limits()))
    yield from (("", orphan) for orphan in _shared_orphans())
    yield from _incomplete_tenants()
    yield from _shadowed_domains()
    tenants = dict(Tenant.objects.exclude(status__in=INCOMPLETE).values_list("pk", "slug"))
    problems = _further_problems(tenants)
    yield from ((tenants[pk], problem) for pk, found in problems.items() for problem in found)
    with cross_tenant(reason="tenant_health_check") as each:
        for tenant in each:
            if tenant.pk in tenants:
                found = _of_tenant(tenant, has_problems=tenant.pk in problems)
                yield from ((tenants[tenant.pk], problem) for problem in found)


def _further_problems(tenants: Iterable[UUID]) -> dict[UUID, list[str]]:
    """Run the checks of ``TENANT_HEALTH_CHECKS``; return the problems by tenant."""
    found: dict[UUID, list[str]] = {}
    for path in settings.TENANT_HEALTH_CHECKS:
        for tenant, problems in import_string(path)(tenants).items():
            found.setdefault(tenant, []).extend(problems)
    return found


def _shared_orphans() -> Iterator[str]:
    models = [model for model in apps.get_models() if not is_tenant_model(model)]
    for field in [field for model in models for field in _references(model)]:
        yield from _orphans(field, field.related_model._base_manager.all())
    # Not a foreign key, so that nothing cascades to events; but every tenant leaves a row.
    lost = AuditEvent.platform.exclude(tenant_id=None).values_list("tenant_id", flat=True)
    lost = lost.exclude(tenant_id__in=Tenant.objects.values("pk"))
    lost = lost.exclude(tenant_id__in=Purge.platform.values("tenant_id"))
    for tenant_id in lost.distinct():
        yield f"audit.AuditEvent.tenant_id refers to tenant {tenant_id}, which does not exist"


def _incomplete_tenants() -> Iterator[Problem]:
    # every tenant: this checks each of them for missing rows.
    tenants = Tenant.objects.exclude(status__in=INCOMPLETE).order_by("slug")
    for what, finders in REQUIRED.items():
        lacking = tenants
        for find in finders:
            lacking = lacking.exclude(Exists(find().filter(tenant=OuterRef("pk"))))
        yield from ((slug, f"has no {what}") for slug in lacking.values_list("slug", flat=True))


def _shadowed_domains() -> Iterator[Problem]:
    """Find tenants' domains that later became shared hosts."""
    shadowed = Domain.platform.filter(domain__in=settings.SHARED_HOSTS).order_by("domain")
    for slug, domain in shadowed.values_list("tenant__slug", "domain"):
        yield (
            slug,
            f"has the domain {domain}, which is in SHARED_HOSTS and is not served",
        )


def _of_tenant(tenant: Any, *, has_problems: bool) -> list[str]:
    members = set(tenant.memberships.values_list("user_id", flat=True))
    try:
        with transaction.atomic():
            allow_long_statements()
            return list(_of_rows(members))
    except DatabaseError:
        # Missing tables are already reported.
        if has_problems:
            return []
        raise


def _of_rows(members: Iterable[UUID]) -> Iterator[str]:
    for model in filter(is_tenant_model, apps.get_models()):
        for field in _references(model):
            if is_tenant_model(field.related_model):
                yield from _orphans(field, field.related_model._base_manager.all())
            elif field.related_model is get_user_model():
                yield from _strangers(field, members)
        for file in [each for each in model._meta.local_fields if isinstance(each, FileField)]:
            yield from _lost_files(file)


def _references(model: type[Model]) -> list[Reference]:
    return [field for field in model._meta.local_fields if isinstance(field, ForeignKey)]


def _orphans(field: Reference, targets: QuerySet[Model]) -> Iterator[str]:
    """Find rows that refer to none of the targets, for example to another tenant's row."""
    referred = targets.filter(**{field.target_field.name: OuterRef(field.attname)})
    rows = field.model._base_manager.exclude(**{field.attname: None}).exclude(Exists(referred))
    for pk, target in rows.values_list("pk", field.attname):
        yield f"{field} of {pk} refers to {target}, which does not exist here"


def _strangers(field: Reference, members: Iterable[UUID]) -> Iterator[str]:
    """Find rows that refer to a user who is not and never was a member."""
    rows = field.model._base_manager.exclude(**{field.attname: None})
    rows = rows.exclude(**{f"{field.attname}__in": members})
    for pk, user_id in rows.values_list("pk", field.attname):
        yield f"{field} of {pk} refers to user {user_id}, who is not a member"


def _lost_files(field: FileField) -> Iterator[str]:
    rows = field.model._base_manager.exclude(**{field.name: ""})
    for pk, name in rows.values_list("pk", field.name):
        if not field.storage.exists(name):
            yield f"{field} of {pk} is not in the storage"
