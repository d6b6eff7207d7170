"""Writes the archive of one tenant of the source, as `apps.portability` imports it."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.apps import apps
from django.contrib.auth.hashers import identify_hasher, is_password_usable
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from pydantic import ValidationError

from apps.adoption.source import Customer, Source
from apps.isolation.app_registry import is_tenant_model
from apps.isolation.fields import new_id
from apps.memberships.roles import Role
from apps.portability.documents import FileSum, Header, Manifest, Person, Shared
from apps.portability.exceptions import ArchiveError
from apps.portability.people import USERS
from apps.portability.reading import NAME
from apps.portability.rows import write_tables
from apps.portability.tables import Table, fingerprint, layout_of
from apps.portability.writing import ArchiveWriter


def write_archive(
    source: Source, customer: Customer, stream: IO[bytes], media: Path | None
) -> None:
    """Write an archive; ``media`` is the folder of the source's files."""
    tables = source.tables(customer.key)
    layout = layout_of(tables)
    header = Header(
        format=1,
        archive=new_id(),
        tenant=customer.id,
        created_at=timezone.now(),
        fingerprint=fingerprint(layout),
        tables=layout,
        migrations=[],
        postgresql=str(source.connection.pg_version),
        with_files=True,
        with_audit=False,
    )
    shared = shared_data_of(source, customer)
    writer = ArchiveWriter(stream)
    hashes = {
        "header": writer.add("header.json", header.write()),
        "shared": writer.add("shared.json", shared.write()),
    }
    sums = write_tables(writer, tables, layout, source.connection)
    files = {name: _write_file(writer, media, name) for name in _names(source, tables.values())}
    manifest = Manifest(**hashes, tables=sums, files=files, missing=[], audit=[], unchanged=None)
    writer.add("manifest.json", manifest.write())
    writer.close()


def shared_data_of(source: Source, customer: Customer) -> Shared:
    """Return the name, the slug and the users of a tenant of the source."""
    rows = source.rows(source.plan.users.query, customer.key)
    return Shared(
        name=customer.name,
        slug=customer.slug,
        settings={},
        domains=[],
        members=sorted(map(_person, rows), key=lambda person: person.user),
        invitations=[],
        keys=_content_types(),
    )


def passwords_of(source: Source, customer: Customer) -> dict[UUID, str]:
    """Return the hashes of passwords of the users of a tenant, by id.

    Raises `ArchiveError` for a hash of an algorithm that this project does not know.
    """
    found: dict[UUID, str] = {}
    for row in source.rows(source.plan.users.query, customer.key):
        if "password" not in row:
            raise ArchiveError("--with-passwords: users.query returns no column password.")
        encoded = row["password"]
        if encoded and is_password_usable(encoded):
            _require_known(row["id"], encoded)
            found[UUID(str(row["id"]))] = encoded
    return found


def _require_known(user: object, encoded: str) -> None:
    try:
        identify_hasher(encoded)
    except ValueError as error:
        message = f"The hash of the password of the user {user} is of no algorithm known here"
        raise ArchiveError(f"{message}: add the source's to PASSWORD_HASHERS.") from error


def _person(row: dict[str, Any]) -> Person:
    """Return a user; only ``id`` and ``email`` are required.

    Users without a ``role`` become former members, whom a purge and an erasure find.
    """
    role = row.get("role") or None
    try:
        return Person(
            user=row.get("id"),  # type: ignore[arg-type] # validated here
            email=str(row.get("email") or "").lower(),
            verified=False,
            full_name=row.get("full_name") or "",
            role=role or Role.VIEWER,
            is_active=bool(role and row.get("is_active", True)),
            joined_at=row.get("joined_at"),
        )
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{first['loc'][0]}: {first['msg']}"
        raise ArchiveError(f"users.query: the user {row.get('id')}: {what}.") from error


def _content_types() -> dict[str, dict[str, list[str | int]]]:
    """Return the content types that `type()` in a plan can name."""
    models = [each for each in apps.get_models() if is_tenant_model(each)]
    models.append(apps.get_model(USERS))
    found = ContentType.objects.get_for_models(*models)
    keys: dict[str, list[str | int]] = {
        str(each.pk): list(each.natural_key()) for each in found.values()
    }
    return {ContentType._meta.label_lower: keys}


def _names(source: Source, tables: Any) -> Iterator[str]:
    yield from sorted({name for table in tables for name in names_in(source, table)})


def names_in(source: Source, table: Table) -> Iterator[str]:
    """Yield the names of files in the rows of a table."""
    for column in map(source.connection.ops.quote_name, table.files):
        query = f"SELECT DISTINCT t.{column} AS name FROM {table.name} AS t"
        yield from (row["name"] for row in source.execute(query) if row["name"])


def _write_file(writer: ArchiveWriter, media: Path | None, name: str) -> FileSum:
    if media is None:
        raise ArchiveError(f"Rows name files, such as {name!r}: give their folder by --media.")
    if not NAME.fullmatch(f"files/{name}"):
        raise ArchiveError(f"{name!r} cannot be the name of a file here.")
    place = media / name
    try:
        size = place.stat().st_size
        with place.open("rb") as file:
            return FileSum(size=size, sha256=writer.add_file(f"files/{name}", size, file))
    except FileNotFoundError as error:
        raise ArchiveError(f"A row names the file {name!r}, which is not in {media}.") from error
