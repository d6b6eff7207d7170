"""Receives a tenant that moves here: answers to each verb of ``receive_tenant``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction

from apps.audit.models import AuditEvent
from apps.audit.services import Action
from apps.isolation import ActiveTenant
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.context import activate_tenant
from apps.isolation.strategy.write_fence import lower_fence, raise_fence
from apps.moves.comparing import described, numbers_of, sums_of
from apps.moves.documents import Answer, Question
from apps.offboarding.inventory import shared_rows
from apps.portability.compatibility import require_same_tables
from apps.portability.exceptions import ArchiveError
from apps.portability.files import names_in
from apps.portability.importing import ImportOptions, cancel_import, import_tenant, prepared
from apps.portability.reading import Archive, opened_archive
from apps.portability.sums import one_format
from apps.portability.tables import tenant_tables
from apps.portability.verifying import stored_maps
from apps.tenants import lifecycle
from apps.tenants.models import Domain, Status, Tenant
from apps.tenants.services import make_storage

PATIENCE = 10
"""Seconds to wait for transactions that write to the tenant's tables."""

HARMLESS: Final = {
    *(Action.LOGGED_IN, Action.LOGGED_OUT, Action.LOG_IN_FAILED, Action.TENANT_SWITCHED),
    *(Action.TENANT_SUSPENDED, Action.TENANT_RESUMED, Action.TENANT_EXPORTED),
}
"""Actions that change nothing that belongs to a tenant."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the installation that has the tenant: its question, or an archive to read."""

    tenant: UUID
    options: ImportOptions
    read: Callable[[], bytes]

    def question(self) -> Question:
        """Return the question; raise `ArchiveError` if it is not valid."""
        return Question.read("The question", self.read())

    def stored(self) -> Tenant | None:
        """Return the tenant here, if there is one."""
        return Tenant.objects.filter(pk=self.tenant).first()

    def present(self) -> Tenant:
        """Return the tenant here; raise `ArchiveError` if there is none."""
        tenant = self.stored()
        if tenant is None:
            raise ArchiveError("The tenant is not here.")
        return tenant


def check(request: Request) -> Answer:
    """Answer whether an import of the tenant would be accepted; raise `ArchiveError` if not."""
    question = request.question()
    prepared(question.header, question.shared, request.options)
    return status(request)


def status(request: Request) -> Answer:
    """Answer with the tenant's status here."""
    tenant = request.stored()
    if tenant is None:
        return Answer(status="absent")
    return Answer(status=tenant.status, since=tenant.created_at)


def sums(request: Request) -> Answer:
    """Answer with the sums of the ranges of the question, and with the files."""
    question, tenant = request.question(), request.present()
    tables = tenant_tables()
    require_same_tables(question.header.tables, tables)
    if tenant.status == Status.IMPORTING:
        make_storage(tenant)  # which a killed import may not have done
    maps = stored_maps(question.shared, request.options.mapping)
    with activate_tenant(ActiveTenant(tenant.pk)), one_format("REPEATABLE READ, READ ONLY"):
        maps |= numbers_of(tables, question)
        found, names = sums_of(tables, question, maps), names_in(tables)
    with activate_tenant(ActiveTenant(tenant.pk)):
        files = described(names, by_hash=question.by_hash)
    return Answer(status=tenant.status, since=tenant.created_at, sums=found, files=files)


def load(request: Request) -> Answer:
    """Import an archive, or an archive of changes; do nothing if the tenant is open already."""
    with opened_archive("-") as archive:
        _require_same_tenant(request, archive)
        tenant = request.stored()
        is_open = tenant is not None and tenant.status != Status.IMPORTING
        if not (request.options.opens and is_open):
            import_tenant(archive, request.options)
    return status(request)


def suspend(request: Request) -> Answer:
    """Serve the tenant no more, and answer with what was changed here since its import."""
    tenant = request.present()
    lifecycle.suspend(tenant)
    raise_fence(tenant, seconds=PATIENCE)
    events = AuditEvent.objects.for_tenant(tenant)
    imported = events.filter(action=Action.TENANT_IMPORTED).order_by("-pk").first()
    later = events.filter(pk__gt=imported.pk) if imported else events
    actions = later.exclude(action__in=HARMLESS).values_list("action", flat=True)
    return Answer(status=Status.SUSPENDED, changes=sorted(set(actions)))


def resume(request: Request) -> Answer:
    """Serve the tenant again after `suspend`."""
    tenant = request.present()
    lower_fence(tenant, seconds=PATIENCE)
    lifecycle.resume(tenant)
    return status(request)


def give_back(request: Request) -> Answer:
    """Make a suspended tenant an import that was never opened: nobody is its member here."""
    tenant = request.present()
    lower_fence(tenant, seconds=PATIENCE)
    with transaction.atomic(using=SHARED_DB):
        lifecycle.change_status(tenant, lifecycle.RETURN, actor=None)
        for rows in shared_rows(tenant):
            if rows.model is not Domain:
                rows._raw_delete(SHARED_DB)  # noqa: SLF001 - no public method avoids a cascade
    return status(request)


def remove(request: Request) -> Answer:
    """Remove an import that was not opened; do nothing if there is none."""
    question = request.question()
    tenant = request.stored()
    if tenant is not None:
        cancel_import(tenant.pk, question.shared)
    return Answer(status="absent")


def _require_same_tenant(request: Request, archive: Archive) -> None:
    if archive.header.tenant != request.tenant:
        raise ArchiveError("The archive is of another tenant.")


VERBS: Final[Mapping[str, Callable[[Request], Answer]]] = {
    "check": check,
    "status": status,
    "sums": sums,
    "load": load,
    "open": load,
    "suspend": suspend,
    "resume": resume,
    "give-back": give_back,
    "remove": remove,
}
