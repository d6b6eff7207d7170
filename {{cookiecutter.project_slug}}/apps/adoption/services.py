"""Steps of an adoption for one tenant. Each can be repeated, and continues after an interruption.

A copy is an import of an archive that is made from the source. The tenant stays "importing", and is
served to nobody, until it is opened.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from uuid import UUID

from django.db import connection

from apps.adoption.archiving import passwords_of, shared_data_of, write_archive
from apps.adoption.plan import Plan
from apps.adoption.source import Customer, opened_source
from apps.isolation import ActiveTenant
from apps.isolation.context import activate_tenant
from apps.memberships.roles import Role
from apps.offboarding.services import purge
from apps.portability.exceptions import ArchiveError
from apps.portability.importing import ImportOptions, cancel_import, import_tenant
from apps.portability.reading import Archive
from apps.portability.tables import Table, tenant_tables
from apps.portability.verifying import differences
from apps.tenants import lifecycle
from apps.tenants.models import Status, Tenant

REASON = "Its adoption was rolled back."


@dataclass(frozen=True, slots=True)
class Options:
    """The operator's decisions: the folder of files, and the accounts of users (`people`)."""

    media: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    trusts_addresses: bool = False
    with_passwords: bool = False
    discards: bool = False


def copy(plan: Plan, customer: Customer, options: Options) -> dict[str, Any]:
    """Copy a tenant, or what has changed in the source since the last copy."""
    return _import(plan, customer, options, opens=False)


def open_tenant(plan: Plan, customer: Customer, options: Options) -> dict[str, Any]:
    """Copy what has changed, verify all of it, and serve the tenant from now on."""
    return _import(plan, customer, options, opens=True)


def verify(plan: Plan, customer: Customer, options: Options) -> list[str]:
    """Return a sentence for each table and file that differs from the source now."""
    tenant = _tenant(customer)
    with _archive(plan, customer, options) as archive:
        return differences(tenant, archive, options.mapping, allows_added=True)


def roll_back(plan: Plan, customer: Customer, options: Options) -> str:
    """Remove a tenant; return what was done.

    Raises `ArchiveError` for one that is on hold, and for one that was opened and is not as it was
    then, unless `Options.discards`.
    """
    tenant = _tenant(customer)
    if tenant.hold_reason:
        raise ArchiveError(f"The tenant is on hold: {tenant.hold_reason}")
    if tenant.status == Status.IMPORTING:
        with opened_source(plan) as source:
            shared = shared_data_of(source, customer)
        cancel_import(tenant.pk, shared)
        return "removed"
    if not options.discards and tenant.status != Status.PURGING:
        _require_unchanged(plan, customer, options, tenant)
    if tenant.status in {Status.ACTIVE, Status.SUSPENDED}:
        lifecycle.archive(tenant)
    purge(tenant, at_once=True, reason=REASON)
    return "purged"


def status_of(customer: Customer) -> str:
    """Return the status of an adopted tenant; "absent" if it is not here."""
    tenant = Tenant.objects.filter(pk=customer.id).first()
    return str(tenant.status) if tenant else "absent"


def _require_unchanged(plan: Plan, customer: Customer, options: Options, tenant: Tenant) -> None:
    """Suspend a tenant and compare it with the source; if it differs, serve it again."""
    was_active = tenant.status == Status.ACTIVE
    if was_active:
        lifecycle.suspend(tenant)
    if changed := [*verify(plan, customer, options), *_unplanned(plan, tenant)]:
        if was_active:
            lifecycle.resume(tenant)
        message = "The tenant was opened, and differs from the source; --discard-changes removes it"
        raise ArchiveError("\n".join([f"{message} anyway.", *changed[:10]]))


def _unplanned(plan: Plan, tenant: Tenant) -> Iterator[str]:
    """Yield a sentence for each table and column outside the plan that is not empty."""
    planned = {label.lower(): each.columns for label, each in plan.models.items()}
    with activate_tenant(ActiveTenant(tenant.pk)):
        for table in tenant_tables().values():
            if table.label not in planned:
                if _exists(table, "TRUE", []):
                    yield f"{table.label} has rows."
                continue
            for column in table.columns:
                own = connection.ops.quote_name(column.name)
                if column.name not in planned[table.label] and _exists(
                    table, f"{own} IS DISTINCT FROM %s", [column.default]
                ):
                    yield f"{table.label}.{column.name} has other values than the default."


def _exists(table: Table, condition: str, values: list[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {table.name} WHERE {condition})", values)
        return bool(cursor.fetchone() == (True,))


def _import(plan: Plan, customer: Customer, options: Options, *, opens: bool) -> dict[str, Any]:
    wanted = ImportOptions(
        mapping=options.mapping,
        trusts_addresses=options.trusts_addresses,
        allows_added=True,
        opens=opens,
        passwords=_passwords(plan, customer) if opens and options.with_passwords else {},
        keeps=True,
    )
    with _archive(plan, customer, options) as archive:
        if opens and not any(each.role == Role.OWNER for each in archive.shared.members):
            raise ArchiveError("No user has the role owner: nobody could invite others.")
        return import_tenant(archive, wanted)


def _passwords(plan: Plan, customer: Customer) -> dict[UUID, str]:
    with opened_source(plan) as source:
        return passwords_of(source, customer)


@contextmanager
def _archive(plan: Plan, customer: Customer, options: Options) -> Iterator[Archive]:
    """Make an archive of the source's rows of this moment."""
    with TemporaryFile() as file:
        with opened_source(plan) as source:
            write_archive(source, customer, file, options.media)
        yield Archive(file)


def _tenant(customer: Customer) -> Tenant:
    tenant = Tenant.objects.filter(pk=customer.id).first()
    if tenant is None:
        raise ArchiveError(f"{customer.slug!r} has not been copied.")
    return tenant
