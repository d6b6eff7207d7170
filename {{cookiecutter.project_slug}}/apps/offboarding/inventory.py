"""Counts what belongs to a tenant, in its own tables and in the shared ones."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import QuerySet

from apps.audit.models import AuditEvent
from apps.isolation import ActiveTenant
from apps.isolation.app_registry import is_tenant_model, tenant_models_with_tables
from apps.isolation.context import activate_tenant
from apps.isolation.integrations.files import sizes_of_files
from apps.isolation.integrations.limits import allow_long_statements
from apps.privacy.models import PrivacyRequest
from apps.tenants.models import Purge, Tenant

KEPT = (AuditEvent, PrivacyRequest, Purge)
"""Shared models whose rows outlive the tenant. They contain ids, but no names or addresses."""


def inventory(tenant: Tenant) -> dict[str, int]:
    """Return the numbers of a tenant's rows by model, of its files and of their bytes."""
    active = ActiveTenant(tenant.pk)
    with activate_tenant(active), transaction.atomic():
        allow_long_statements()
        models = tenant_models_with_tables()
        rows = {model._meta.label: model._base_manager.count() for model in models}
    sizes = list(sizes_of_files(active))
    shared = {each.model._meta.label: each.count() for each in shared_rows(tenant)}
    return {**rows, **shared, "files": len(sizes), "bytes": sum(sizes)}


def shared_rows(tenant: Tenant) -> Iterator[QuerySet[Any]]:
    """Yield the shared rows that name the tenant, by model: members, domains, sessions, tasks.

    A model belongs to them if it has a column ``tenant_id``, so also one that a team adds.
    """
    for model in apps.get_models(include_auto_created=True):
        names = {field.attname for field in model._meta.concrete_fields}
        if "tenant_id" in names and not is_tenant_model(model) and model not in KEPT:
            yield model._base_manager.filter(tenant_id=tenant.pk)
