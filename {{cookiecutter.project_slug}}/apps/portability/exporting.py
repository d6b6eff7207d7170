"""Writes the archive of one tenant, as of one moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from django.db import connection, connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import QuerySet
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.audit.services import Action, record
from apps.isolation import ActiveTenant
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.context import activate_tenant
from apps.isolation.fields import new_id
from apps.portability.documents import (
    FileSum,
    Header,
    Layout,
    Manifest,
    Part,
    Ranges,
    Shared,
)
from apps.portability.files import names_in, write_files
from apps.portability.rows import write_tables
from apps.portability.shared_data import keys_named, shared_data_of
from apps.portability.sums import one_format
from apps.portability.tables import (
    fingerprint,
    layout_of,
    tenant_tables,
    unmanaged_tables,
)
from apps.portability.writing import ArchiveWriter, Row, json_line
from apps.tenants.models import Tenant

MOST_EVENTS = 2000
"""Events that are fetched at a time."""

EVENT_FIELDS = (
    *("id", "time", "actor_id", "action", "object_type", "object_id", "request_id", "reason"),
    "changes",
)


@dataclass(frozen=True, slots=True)
class Changes:
    """The contents of an archive of changes: ranges of each table, and names of files."""

    ranges: Mapping[str, Ranges]
    files: frozenset[str]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The contents of an archive besides shared data. Without ``changes`` it has all rows."""

    with_audit: bool = False
    with_files: bool = True
    changes: Changes | None = None


def export_tenant(tenant: Tenant, stream: IO[bytes], options: ExportOptions) -> dict[str, Any]:
    """Write the archive of a tenant to a stream; return the numbers of what it contains.

    The rows are those of one moment, whatever is written meanwhile. Raises `ArchiveError`.
    """
    with transaction.atomic(using=SHARED_DB):
        record(Action.TENANT_EXPORTED, tenant, tenant=tenant, actor=None)
    return write_archive(tenant, stream, options)


def write_archive(tenant: Tenant, stream: IO[bytes], options: ExportOptions) -> dict[str, Any]:
    """Do as `export_tenant` without an audit event, for steps of one recorded action."""
    with activate_tenant(ActiveTenant(tenant.pk)):
        return _Export(tenant, ArchiveWriter(stream), options).run()


def describe(tenant: Tenant) -> tuple[Header, Shared]:
    """Return the documents that an archive of a tenant would begin with."""
    with activate_tenant(ActiveTenant(tenant.pk)), one_format("REPEATABLE READ, READ ONLY"):
        tables = tenant_tables()
        shared = shared_data_of(tenant, keys_named(tables))
        return header_of(tenant, layout_of(tables), ExportOptions()), shared


class _Export:
    """One export."""

    def __init__(self, tenant: Tenant, writer: ArchiveWriter, options: ExportOptions) -> None:
        self._tenant, self._writer, self._options = tenant, writer, options
        self._tables = tenant_tables()

    def run(self) -> dict[str, Any]:
        """Write all members in their order."""
        with one_format("REPEATABLE READ, READ ONLY"):
            unmanaged = unmanaged_tables()
            shared = shared_data_of(self._tenant, keys_named(self._tables))
            layout = layout_of(self._tables)
            header = header_of(self._tenant, layout, self._options)
            hashes = self._write_documents(header, shared)
            changes = self._options.changes
            ranges = changes.ranges if changes else None
            sums = write_tables(self._writer, self._tables, layout, ranges=ranges)
            named = names_in(self._tables) if self._options.with_files else set()
        names = sorted(named & changes.files if changes else named)
        files = dict(write_files(self._writer, self._tables, names))
        found: dict[str, FileSum] = {name: each for name, each in files.items() if each}
        missing = [name for name, each in files.items() if not each]
        audit = list(self._write_audit()) if self._options.with_audit else []
        unchanged = sorted(named - changes.files) if changes else None
        manifest = Manifest(
            **hashes, tables=sums, files=found, missing=missing, audit=audit, unchanged=unchanged
        )
        self._writer.add("manifest.json", manifest.write())
        self._writer.close()
        return {
            "archive": str(header.archive),
            "rows": sum(each.rows for each in sums.values()),
            "files": len(found),
            "events": sum(part.rows for part in audit),
            "bytes": self._writer.size,
            "left_out": unmanaged,
        }

    def _write_documents(self, header: Header, shared: Shared) -> dict[str, str]:
        return {
            "header": self._writer.add("header.json", header.write()),
            "shared": self._writer.add("shared.json", shared.write()),
        }

    def _write_audit(self) -> Iterator[Part]:
        events = AuditEvent.objects.for_tenant(self._tenant).order_by("pk")
        return self._writer.add_rows("audit", _events(events))


def header_of(tenant: Tenant, layout: Layout, options: ExportOptions) -> Header:
    """Return the header of a new archive."""
    return Header(
        format=1,
        archive=new_id(),
        tenant=tenant.pk,
        created_at=timezone.now(),
        fingerprint=fingerprint(layout),
        tables=layout,
        migrations=_migrations(),
        postgresql=_server_version(),
        with_files=options.with_files,
        with_audit=options.with_audit,
    )


def _events(events: QuerySet[AuditEvent]) -> Iterator[Row]:
    """Yield audit events, a batch at a time: shared data may have no cursors on the server."""
    batch = list(events[:MOST_EVENTS])
    while batch:
        for event in batch:
            values = {name: getattr(event, name) for name in EVENT_FIELDS}
            texts = {name: str(values[name]) for name in ("id", "time")}
            actor = {"actor_id": str(event.actor_id) if event.actor_id else None}
            yield Row(json_line({**values, **texts, **actor}), [str(event.pk)])
        batch = list(events.filter(pk__gt=batch[-1].pk)[:MOST_EVENTS])


def _migrations() -> list[str]:
    applied = MigrationRecorder(connections[SHARED_DB]).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)


def _server_version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone() or ("",)
    return str(version)
