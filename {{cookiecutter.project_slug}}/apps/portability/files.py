"""Files of a tenant, in its storage and in an archive. Storage has no transactions."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import IO

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connection

from apps.portability.documents import FileSum
from apps.portability.exceptions import ArchiveError
from apps.portability.reading import NAME, Archive
from apps.portability.tables import Table
from apps.portability.writing import CHUNK, ArchiveWriter


def names_in(tables: Mapping[str, Table]) -> set[str]:
    """Return the names of all files that the active tenant's rows name."""
    return {name for table in tables.values() for name in _names(table)}


def is_named(tables: Mapping[str, Table], name: str) -> bool:
    """Return whether a row of the active tenant names a file."""
    return any(list(_names(table, name)) for table in tables.values())


def write_files(
    writer: ArchiveWriter, tables: Mapping[str, Table], names: Iterable[str]
) -> Iterator[tuple[str, FileSum | None]]:
    """Write files; yield each name with size and hash, or with None for a file that is gone.

    Raises `ArchiveError` for a lost file, which a row still names.
    """
    for name in names:
        if not NAME.fullmatch(f"files/{name}"):
            raise ArchiveError(f"{name!r} cannot be the name of a file in an archive.")
        try:
            size = default_storage.size(name)
            with default_storage.open(name) as file:
                found = writer.add_file(f"files/{name}", size, file)
        except FileNotFoundError as error:
            if is_named(tables, name):
                message = f"The file {name!r} is lost, and a row names it: restore it, or export "
                raise ArchiveError(f"{message}--without-files.") from error
            yield name, None
        else:
            yield name, FileSum(size=size, sha256=found)


def restore_files(archive: Archive) -> Iterator[int]:
    """Write the files of an archive, unless they are here; yield the size of each."""
    for name, listed in archive.manifest.files.items():
        if not _is_here(name, listed):
            try:
                default_storage.delete(name)
                with archive.open_file(name) as source:
                    saved = default_storage.save(name, File(source))
            except SuspiciousFileOperation as error:
                raise ArchiveError(f"{name!r} cannot be the name of a file here.") from error
            if saved != name:
                default_storage.delete(saved)
                raise ArchiveError(f"The storage does not accept {name!r} as the name of a file.")
        yield listed.size


def differing_files(archive: Archive) -> Iterator[str]:
    """Yield a sentence for each file of an archive that is missing here, or is another one."""
    for name, listed in archive.manifest.files.items():
        if not _is_here(name, listed):
            yield f"The file {name!r} is missing, or has other contents."


def misnamed_files(archive: Archive, tables: Mapping[str, Table]) -> Iterator[str]:
    """Yield a sentence for each file that only the archive has, or that only a row names."""
    named, listed = names_in(tables), archive.manifest.files.keys()
    yield from (f"No row names the file {name!r}." for name in sorted(listed - named))
    if archive.header.with_files:
        known = {*archive.manifest.missing, *(archive.manifest.unchanged or [])}
        lost = named - listed - known
        yield from (f"A row names the file {name!r}, which is missing." for name in sorted(lost))


def hash_of_file(file: IO[bytes]) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits."""
    hashed = sha256()
    while chunk := file.read(CHUNK):
        hashed.update(chunk)
    return hashed.hexdigest()


def _names(table: Table, name: str = "") -> Iterator[str]:
    for column in map(connection.ops.quote_name, table.files):
        condition, values = (f"{column} = %s", [name]) if name else (f"{column} <> %s", [""])
        query = f"SELECT DISTINCT {column} FROM {table.name} WHERE {condition}"
        with connection.cursor() as cursor:
            cursor.execute(query, values)
            yield from (found for (found,) in cursor.fetchall())


def _is_here(name: str, listed: FileSum) -> bool:
    try:
        if not default_storage.exists(name) or default_storage.size(name) != listed.size:
            return False
        with default_storage.open(name) as file:
            return hash_of_file(file) == listed.sha256
    except (FileNotFoundError, SuspiciousFileOperation):
        return False
