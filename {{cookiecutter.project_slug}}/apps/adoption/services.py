"""Steps of an adoption for one tenant. Each can be repeated, and continues after an interruption.

A copy is an import of an archive that is made from the source. The tenant stays "importing", and is
served to nobody, until it is opened.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from apps.adoption.archiving import shared_data_of, write_archive
from apps.adoption.plan import Plan
from apps.adoption.source import Customer, opened_source
from apps.offboarding.services import purge
from apps.portability.exceptions import ArchiveError
from apps.portability.importing import ImportOptions, cancel_import, import_tenant
from apps.portability.reading import Archive
from apps.portability.verifying import differences
from apps.tenants import lifecycle
from apps.tenants.models import Status, Tenant

REASON = "Its adoption was rolled back."


def copy(plan: Plan, customer: Customer, media: Path | None, *, trusts: bool) -> dict[str, Any]:
    """Copy a tenant, or what has changed in the source since the last copy."""
    return _import(plan, customer, media, trusts=trusts, opens=False)


def open_tenant(
    plan: Plan, customer: Customer, media: Path | None, *, trusts: bool
) -> dict[str, Any]:
    """Copy what has changed, verify all of it, and serve the tenant from now on."""
    return _import(plan, customer, media, trusts=trusts, opens=True)


def verify(plan: Plan, customer: Customer, media: Path | None) -> list[str]:
    """Return a sentence for each table and file that differs from the source now."""
    tenant = _tenant(customer)
    with _archive(plan, customer, media) as archive:
        return differences(tenant, archive, {}, allows_added=True)


def roll_back(plan: Plan, customer: Customer, media: Path | None, *, discards: bool) -> str:
    """Remove a tenant; return what was done.

    Raises `ArchiveError` for one that was opened and differs from the source, unless ``discards``.
    """
    tenant = _tenant(customer)
    if tenant.status == Status.IMPORTING:
        with opened_source(plan) as source:
            shared = shared_data_of(source, customer)
        cancel_import(tenant.pk, shared)
        return "removed"
    changed = [] if discards else verify(plan, customer, media)
    if changed:
        message = "The tenant was opened, and differs from the source; --discard-changes removes it"
        raise ArchiveError("\n".join([f"{message} anyway.", *changed[:10]]))
    if tenant.status != Status.ARCHIVED:
        lifecycle.archive(tenant)
    purge(tenant, at_once=True, reason=REASON)
    return "purged"


def status_of(customer: Customer) -> str:
    """Return the status of an adopted tenant; "absent" if it is not here."""
    tenant = Tenant.objects.filter(pk=customer.id).first()
    return str(tenant.status) if tenant else "absent"


def _import(
    plan: Plan, customer: Customer, media: Path | None, *, trusts: bool, opens: bool
) -> dict[str, Any]:
    options = ImportOptions(allows_added=True, trusts_addresses=trusts, opens=opens)
    with _archive(plan, customer, media) as archive:
        return import_tenant(archive, options)


@contextmanager
def _archive(plan: Plan, customer: Customer, media: Path | None) -> Iterator[Archive]:
    """Make an archive of the source's rows of this moment."""
    with TemporaryFile() as file:
        with opened_source(plan) as source:
            write_archive(source, customer, file, media)
        yield Archive(file)


def _tenant(customer: Customer) -> Tenant:
    tenant = Tenant.objects.filter(pk=customer.id).first()
    if tenant is None:
        raise ArchiveError(f"{customer.slug!r} has not been copied.")
    return tenant
