"""Reads an archive that nobody vouches for, and validates it before anything is imported.

It reads the tar's headers itself, and extracts nothing: a member is a range of the file. So links,
devices, sparse files and extended headers are refused by one comparison.
"""

import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import copyfileobj
from sys import stdin
from tarfile import BLOCKSIZE, NUL, REGTYPE, HeaderError, TarInfo
from tempfile import TemporaryFile
from typing import IO, Any

from apps.portability.documents import Header, Manifest, Part, Shared, TableSum, hash_of
from apps.portability.exceptions import ArchiveError
from apps.portability.tables import fingerprint
from apps.portability.writing import CHUNK, LONGEST_ROW, PART

NAME = re.compile(
    r"(?:header|shared|manifest)\.json"
    r"|(?P<part>rows/\w+\.\w+|audit)/(?P<number>\d{6})\.gz"
    r"|files/(?P<file>(?!\.{1,2}(?:/|$))[^/\\\0-\x1f\x7f]+(?:/(?!\.{1,2}(?:/|$))[^/\\\0-\x1f\x7f]+)*)"
)
"""Names of members."""

MOST_MEMBERS = 1_000_000
LONGEST_DOCUMENT = 64 * 1024**2
MOST_EXPANSION = 200
"""Rows may have this many times the bytes of the archive, and one part more."""


@dataclass(frozen=True, slots=True)
class _Member:
    offset: int
    size: int


class _Slice(io.RawIOBase):
    """A range of a file, as a file."""

    def __init__(self, file: IO[bytes], member: _Member) -> None:
        self._file, self._member, self._place = file, member, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = (0, self._place, self._member.size)[whence]
        self._place = max(0, begin + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        wanted = max(0, min(len(buffer), self._member.size - self._place))
        self._file.seek(self._member.offset + self._place)
        content = self._file.read(wanted)
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)


class Archive:
    """A validated archive."""

    def __init__(self, file: IO[bytes]) -> None:
        """Validate names, order, sizes and hashes of all members; raise `ArchiveError`."""
        self._file = file
        self.size = file.seek(0, io.SEEK_END)
        self._members = dict(self._scan())
        _require_order(list(self._members))
        self.manifest = Manifest.read("manifest.json", self._document("manifest.json"))
        self.header = Header.read("header.json", self._hashed("header", self.manifest.header))
        self.shared = Shared.read("shared.json", self._hashed("shared", self.manifest.shared))
        self._require_listed()
        self._require_contents()

    @property
    def has_changes_only(self) -> bool:
        """True if the archive has only what differs from an earlier one."""
        return self.manifest.unchanged is not None

    def require_complete(self) -> None:
        """Raise `ArchiveError` for an archive that has only changes."""
        if self.has_changes_only:
            raise ArchiveError("The archive has only changes: move_tenant sends such archives.")

    def blocks(self, folder: str) -> Iterator[tuple[Part, list[bytes]]]:
        """Yield each part of a folder of rows, with its lines."""
        for number, part in enumerate(self._parts()[folder]):
            yield part, self._lines(f"{folder}/{number:06}.gz")

    def rows(self, folder: str) -> Iterator[dict[str, Any]]:
        """Yield each row of a folder."""
        for _, lines in self.blocks(folder):
            yield from parsed(folder, lines)

    def open_file(self, name: str) -> IO[bytes]:
        """Open a file of the tenant."""
        return io.BufferedReader(_Slice(self._file, self._members[f"files/{name}"]))

    def _scan(self) -> Iterator[tuple[str, _Member]]:
        names: set[str] = set()
        place = 0
        while (header := self._read(place, BLOCKSIZE)) != NUL * BLOCKSIZE:
            info = _info(header, place)
            place += BLOCKSIZE
            if info.name in names or len(names) == MOST_MEMBERS:
                message = f"The archive has {info.name!r} twice, or too many members."
                raise ArchiveError(message)
            if place + info.size > self.size:
                raise ArchiveError(f"The archive ends within {info.name!r}.")
            names.add(info.name)
            yield info.name, _Member(place, info.size)
            place += info.size + -info.size % BLOCKSIZE
        self._read(place, 2 * BLOCKSIZE)  # the end has two blocks

    def _read(self, place: int, size: int) -> bytes:
        self._file.seek(place)
        content = self._file.read(size)
        if len(content) < size:
            message = "The archive ends early: its export was interrupted, or it was cut."
            raise ArchiveError(message)
        return content

    def _content(self, name: str, limit: int) -> bytes:
        member = self._members[name]
        if member.size > limit:
            message = f"{name} has {member.size} bytes; {limit} are allowed."
            raise ArchiveError(message)
        return self._read(member.offset, member.size)

    def _document(self, name: str) -> bytes:
        return self._content(name, LONGEST_DOCUMENT)

    def _hashed(self, name: str, expected: str) -> bytes:
        content = self._document(f"{name}.json")
        _require_hash(f"{name}.json", hash_of(content), expected)
        return content

    def _parts(self) -> dict[str, list[Part]]:
        tables = {f"rows/{label}": each.parts for label, each in self.manifest.tables.items()}
        return {**tables, "audit": self.manifest.audit}

    def _require_listed(self) -> None:
        """Require that the manifest lists the members, and the header the tables."""
        parts = {
            f"{folder}/{number:06}.gz"
            for folder, listed in self._parts().items()
            for number in range(len(listed))
        }
        files = {f"files/{name}" for name in self.manifest.files}
        found = self._members.keys() - {"header.json", "shared.json", "manifest.json"}
        if differing := sorted(found ^ (parts | files)):
            message = f"{differing[0]} is in the archive or in its manifest, and not in both."
            raise ArchiveError(message)
        if not self.has_changes_only and any(
            each.ranges is not None for each in self.manifest.tables.values()
        ):
            raise ArchiveError("The manifest lists ranges of keys, but no unchanged files.")
        if self.manifest.tables.keys() != self.header.tables.keys():
            raise ArchiveError("The manifest and the header list different tables.")
        if fingerprint(self.header.tables) != self.header.fingerprint:
            raise ArchiveError("The header's fingerprint is not the one of its tables.")

    def _require_contents(self) -> None:
        unpacked = 0
        for folder, parts in self._parts().items():
            for number, part in enumerate(parts):
                unpacked += self._check_part(f"{folder}/{number:06}.gz", part)
                if unpacked > MOST_EXPANSION * self.size + PART:
                    message = f"The rows have more than {MOST_EXPANSION} times the archive's bytes."
                    raise ArchiveError(message)
        for label, table in self.manifest.tables.items():
            _require_count(label, table)
        for name, each in self.manifest.files.items():
            if self._members[f"files/{name}"].size != each.size:
                raise ArchiveError(f"files/{name} has another size than the manifest says.")
            _require_hash(f"files/{name}", self._hash_of_file(name), each.sha256)

    def _check_part(self, name: str, part: Part) -> int:
        _require_hash(name, hash_of(self._content(name, LONGEST_ROW + PART)), part.sha256)
        lines = self._lines(name)
        if len(lines) != part.rows:
            raise ArchiveError(f"{name} has {len(lines)} rows; the manifest says {part.rows}.")
        return sum(map(len, lines))

    def _hash_of_file(self, name: str) -> str:
        hashed = sha256()
        with self.open_file(name) as file:
            while chunk := file.read(CHUNK):
                hashed.update(chunk)
        return hashed.hexdigest()

    def _lines(self, name: str) -> list[bytes]:
        packed = self._content(name, LONGEST_ROW + PART)
        expander = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            content = expander.decompress(packed, PART + 1)
            if len(content) > PART:
                content += expander.decompress(expander.unconsumed_tail, LONGEST_ROW + 1 - PART)
        except zlib.error as error:
            raise ArchiveError(f"{name} is not compressed by gzip.") from error
        if not expander.eof or expander.unused_data:
            raise ArchiveError(f"{name} is too long after expansion, or damaged.")
        lines = content.split(b"\n")
        if lines.pop() or (len(content) > PART and len(lines) > 1):
            raise ArchiveError(f"{name} does not end with a row, or has too many rows.")
        return lines


@contextmanager
def opened_archive(path: str) -> Iterator[Archive]:
    """Open and validate the archive in a file, or from standard input for ``-``.

    Standard input is copied into a temporary file first.
    """
    if path != "-":
        with Path(path).open("rb") as file:
            yield Archive(file)
        return
    with TemporaryFile() as file:
        copyfileobj(stdin.buffer, file, CHUNK)
        yield Archive(file)


def parsed(folder: str, lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the rows of lines; raise `ArchiveError` for a line that is no JSON object."""
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ArchiveError(f"A row in {folder} is not JSON.") from error
        if not isinstance(row, dict):
            raise ArchiveError(f"A row in {folder} is not a JSON object.")
        yield row


def _info(header: bytes, place: int) -> TarInfo:
    try:
        info = TarInfo.frombuf(header, "utf-8", "strict")
    except (HeaderError, UnicodeDecodeError) as error:
        raise ArchiveError(f"Byte {place} begins no member of a tar: {error}.") from error
    if info.type != REGTYPE:
        raise ArchiveError(f"{info.name!r} is not a regular file.")
    if not NAME.fullmatch(info.name) or info.size < 0:
        raise ArchiveError(f"{info.name!r} is not the name of a member of an archive.")
    return info


def _require_order(names: list[str]) -> None:
    if names[:2] != ["header.json", "shared.json"] or names[-1] != "manifest.json":
        message = "The archive is incomplete: it must begin with header.json and shared.json, and "
        message += "end with manifest.json. An interrupted export has no manifest."
        raise ArchiveError(message)


def _require_hash(name: str, found: str, expected: str) -> None:
    if found != expected:
        raise ArchiveError(f"{name} was changed: its hash is not the one in the manifest.")


def _require_count(label: str, table: TableSum) -> None:
    rows = sum(part.rows for part in table.parts)
    if rows != table.rows:
        message = f"The parts of {label} have {rows} rows; the manifest says {table.rows}."
        raise ArchiveError(message)
