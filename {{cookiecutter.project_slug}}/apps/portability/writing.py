"""Writes an archive as a stream: a plain tar (POSIX.1-1988, ustar), which needs no seeking."""

import gzip
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from tarfile import BLOCKSIZE, NUL, USTAR_FORMAT, TarInfo
from typing import IO

from apps.portability.documents import Key, Part, hash_of
from apps.portability.exceptions import ArchiveError
from apps.portability.threads import one_ahead

PART = 1024**2
"""Maximum bytes of the rows of a part, before compression. A longer row has its own part."""

LONGEST_ROW = 64 * PART

CHUNK = 1024**2


@dataclass(slots=True)
class Row:
    """A row's JSON, and its key."""

    text: bytes
    key: list[Key]


class ArchiveWriter:
    """Writes members to a stream."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._began = int(time.time())
        self.size = 0

    def add(self, name: str, content: bytes) -> str:
        """Write a member; return its hash."""
        self._header(name, len(content))
        self._write(content)
        self._pad(len(content))
        return hash_of(content)

    def add_file(self, name: str, size: int, source: IO[bytes]) -> str:
        """Copy a file of known size into a member; return its hash."""
        self._header(name, size)
        hashed, left = sha256(), size
        while left:
            chunk = source.read(min(left, CHUNK))
            if not chunk:
                message = f"{name} became shorter while it was read. Run the export again."
                raise ArchiveError(message)
            hashed.update(chunk)
            self._write(chunk)
            left -= len(chunk)
        self._pad(size)
        return hashed.hexdigest()

    def add_rows(self, folder: str, rows: Iterable[Row]) -> Iterator[Part]:
        """Write rows in parts; yield each part that was written."""
        packed = one_ahead(_packed, _parts(folder, rows))
        for number, (part, content) in enumerate(packed):
            found = self.add(f"{folder}/{number:06}.gz", content)
            yield Part(rows=len(part), first=part[0].key, last=part[-1].key, sha256=found)

    def close(self) -> None:
        """Write the end of the archive."""
        self._write(NUL * 2 * BLOCKSIZE)

    def _header(self, name: str, size: int) -> None:
        info = TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, self._began
        try:
            header = info.tobuf(USTAR_FORMAT, "utf-8", "strict")
        except ValueError as error:
            message = f"{name!r} cannot be a member of an archive: {error}."
            raise ArchiveError(message) from error
        self._write(header)

    def _pad(self, size: int) -> None:
        self._write(NUL * (-size % BLOCKSIZE))

    def _write(self, content: bytes) -> None:
        self._stream.write(content)
        self.size += len(content)


def json_line(values: dict[str, object]) -> bytes:
    """Return an object as one line of JSON."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def _packed(part: list[Row]) -> tuple[list[Row], bytes]:
    content = b"\n".join([*(row.text for row in part), b""])
    return part, gzip.compress(content, 6, mtime=0)


def _parts(folder: str, rows: Iterable[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    size = 0
    for row in rows:
        length = len(row.text) + 1
        if length > LONGEST_ROW:
            message = f"The row {row.key} in {folder} has {length} bytes"
            raise ArchiveError(f"{message}; {LONGEST_ROW} are allowed.")
        if part and size + length > PART:
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield part
