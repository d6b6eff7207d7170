"""Imports an archive as a tenant with the archive's id, which is served when all of it is right."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import connections, transaction

from apps.audit.models import AuditEvent
from apps.audit.services import Action, record
from apps.isolation import ActiveTenant
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.context import activate_tenant
from apps.portability import people
from apps.portability.compatibility import require_same_tables
from apps.portability.documents import Header, Shared
from apps.portability.exceptions import ArchiveError
from apps.portability.files import misnamed_files, names_in, restore_files
from apps.portability.keys import KeyMap
from apps.portability.loading import Loader
from apps.portability.locks import import_lock
from apps.portability.people import How, Match
from apps.portability.progress import progress_bar
from apps.portability.reading import Archive, parsed
from apps.portability.shared_data import maps_of_shared
from apps.portability.tables import tenant_tables
from apps.tenants.models import Domain, Purge, Status, Tenant
from apps.tenants.services import abandon, make_storage, open_tenant
from apps.tenants.slugs import default_domain


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The operator's decisions about an import."""

    slug: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    trusts_addresses: bool = False
    allows_added: bool = False
    opens: bool = True
    """If false, the tenant stays "importing" until it is imported again."""
    passwords: Mapping[UUID, str] = field(default_factory=dict)
    """Hashes by the archive's ids of users, of a source that the operator trusts."""
    keeps: bool = False
    """If true, a refused archive leaves what an earlier one has stored."""
    accepts_changes: bool = False
    """If true, an archive of changes is accepted for a tenant whose import has begun."""


def preview(archive: Archive, options: ImportOptions) -> dict[str, Any]:
    """Return what an import would do; raise `ArchiveError` as the import would."""
    archive.require_complete()
    tenant, matches, _ = prepared(archive.header, archive.shared, options)
    return _report(archive, tenant, matches)


def import_tenant(archive: Archive, options: ImportOptions) -> dict[str, Any]:
    """Create the tenant of an archive; return the numbers of what was imported.

    The tenant is "importing", and not served, until sums, keys and files are right. The next run
    with the same archive continues after an interruption. If the archive is refused, nothing is
    left. Raises `ArchiveError`.
    """
    if not options.accepts_changes:
        archive.require_complete()
    with import_lock(archive.header.tenant):
        tenant, matches, maps = prepared(archive.header, archive.shared, options)
        resumes = not tenant._state.adding
        if archive.has_changes_only and not resumes:
            raise ArchiveError("The archive has only changes, and nothing of the tenant is here.")
        _register(tenant)
        try:
            make_storage(tenant)
            people.create_accounts(matches)
            with activate_tenant(ActiveTenant(tenant.pk)):
                _fill(archive, maps, resumes=resumes)
            counts = _open(archive, tenant, matches, maps, options) if options.opens else {}
        except ArchiveError:
            if not (resumes and options.keeps):
                _remove(archive.shared, tenant)
            raise
    return {**_report(archive, tenant, matches), **counts}


def cancel_import(tenant_id: UUID, shared: Shared) -> None:
    """Remove what an unfinished import of an archive has left; raise `ArchiveError`."""
    with import_lock(tenant_id):
        tenant = Tenant.objects.filter(pk=tenant_id).first()
        if tenant is None or tenant.status != Status.IMPORTING:
            raise ArchiveError("There is no unfinished import of this archive.")
        _remove(shared, tenant)


def prepared(
    header: Header, shared: Shared, options: ImportOptions
) -> tuple[Tenant, list[Match], dict[str, KeyMap]]:
    """Return the tenant, which is new or unfinished, and the keys of users and shared rows.

    Raises `ArchiveError`, or ValidationError for a slug, for what an import would refuse.
    """
    require_same_tables(header.tables, tenant_tables(), allows_added=options.allows_added)
    tenant = Tenant.objects.filter(pk=header.tenant).first()
    if tenant is not None and tenant.status != Status.IMPORTING:
        message = f"The tenant {header.tenant} is already here, as {tenant.slug!r}."
        raise ArchiveError(message)
    if Purge.objects.for_tenant(header.tenant).exists():
        raise ArchiveError(f"The tenant {header.tenant} was purged here; no id is used again.")
    since = tenant.created_at if tenant else None
    if tenant is None:
        slug = options.slug or shared.slug
        tenant = Tenant(id=header.tenant, slug=slug, status=Status.IMPORTING)
    elif options.slug not in {"", tenant.slug}:
        raise ArchiveError(f"The import began with the slug {tenant.slug!r}: leave out --slug.")
    tenant.name, tenant.settings = shared.name, dict(shared.settings)
    _validate(tenant)
    matches = people.match(shared, options.mapping, since)
    maps = {**maps_of_shared(shared), people.USERS: people.user_map(matches)}
    return tenant, matches, maps


def _validate(tenant: Tenant) -> Domain:
    domain = Domain(domain=default_domain(tenant.slug), tenant=tenant, is_primary=True)
    tenant.full_clean()
    if tenant._state.adding:
        domain.full_clean(exclude=["tenant"])
    return domain


def _register(tenant: Tenant) -> None:
    domain = _validate(tenant)
    if not tenant._state.adding:
        # An earlier archive may have had another name and other settings.
        tenant.save(update_fields=["name", "settings", "updated_at"])
        return
    with transaction.atomic(using=SHARED_DB):
        tenant.save(force_insert=True)
        domain.tenant = tenant
        domain.save(force_insert=True)


def _fill(archive: Archive, maps: dict[str, KeyMap], *, resumes: bool) -> None:
    rows = sum(table.rows for table in archive.manifest.tables.values())
    with progress_bar(rows, "row") as advance:
        loader = Loader(archive, maps, advance)
        earlier = names_in(loader.tables) if resumes else set()
        loader.load(resumes=resumes)
    problems = [*misnamed_files(archive, loader.tables), *loader.check()]
    if problems:
        raise ArchiveError("\n".join(problems[:20]))
    total = sum(each.size for each in archive.manifest.files.values())
    with progress_bar(total, "B") as advance:
        for size in restore_files(archive):
            advance(size)
    for name in earlier - names_in(loader.tables):
        default_storage.delete(name)


def _open(
    archive: Archive,
    tenant: Tenant,
    matches: Iterable[Match],
    maps: Mapping[str, KeyMap],
    options: ImportOptions,
) -> dict[str, Any]:
    """Add memberships and history, and make the tenant active, all in one transaction."""
    with transaction.atomic(using=SHARED_DB):
        stored = Tenant.objects.locked(tenant.pk)
        counts = people.admit(stored, matches, trusts=options.trusts_addresses)
        people.set_passwords(matches, options.passwords)
        events = _import_events(archive, tenant, maps)
        if not open_tenant(tenant):
            raise ArchiveError("The tenant is not being imported any more.")
        after = {"archive": str(archive.header.archive), "users": counts}
        record(Action.TENANT_IMPORTED, tenant, tenant=tenant, actor=None, after=after)
    return {"users": counts, "events": events}


def _import_events(archive: Archive, tenant: Tenant, maps: Mapping[str, KeyMap]) -> int:
    """Add the archive's audit events; those that are here stay as they are."""
    users, count = maps[people.USERS], 0
    quoted = connections[SHARED_DB].ops.quote_name
    insert = (
        f"INSERT INTO {quoted(AuditEvent._meta.db_table)} (tenant_id, id, time, actor_id, action, "
        "object_type, object_id, request_id, reason, changes) SELECT %s, x.* FROM "
        "json_to_recordset(%s::json) AS x (id uuid, time timestamptz, actor_id uuid, "
        "action varchar(64), object_type varchar(64), object_id varchar(64), "
        "request_id varchar(64), reason text, changes jsonb) ON CONFLICT (id) DO NOTHING"
    )
    for part, lines in archive.blocks("audit"):
        rows = list(parsed("audit", lines))
        for row in rows:
            actor = str(row.get("actor_id"))
            row["actor_id"] = users.get(actor) or row.get("actor_id")
        with connections[SHARED_DB].cursor() as cursor:
            cursor.execute(insert, [tenant.pk, json.dumps(rows)])
        count += part.rows
    return count


def _remove(shared: Shared, tenant: Tenant) -> None:
    """Remove an unfinished tenant with its rows, files, domains and new accounts."""
    abandon(tenant)
    people.remove_accounts(shared, tenant.created_at)


def _report(archive: Archive, tenant: Tenant, matches: Iterable[Match]) -> dict[str, Any]:
    domains = [each.domain for each in archive.shared.domains]
    own = default_domain(archive.shared.slug)
    return {
        "tenant": tenant.slug,
        "id": str(tenant.pk),
        "rows": sum(table.rows for table in archive.manifest.tables.values()),
        "files": len(archive.manifest.files),
        "users": {how: sum(1 for each in matches if each.how == how) for how in How},
        "domains_to_add": [name for name in domains if name != own],
        "invitations_to_repeat": [each.email for each in archive.shared.invitations],
    }
