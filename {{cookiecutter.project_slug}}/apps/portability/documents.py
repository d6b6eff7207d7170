"""The JSON documents of an archive. They are validated before anything else reads them."""

from datetime import datetime
from hashlib import sha256
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from apps.memberships.roles import Role
from apps.portability.exceptions import ArchiveError

type Layout = dict[str, dict[str, tuple[str, bool]]]
"""Tables by model, columns by name: the type in PostgreSQL, and whether the column may be null."""

type Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
type Count = Annotated[int, Field(ge=0)]
type Address = Annotated[str, Field(max_length=254)]
type Key = str | int

type Range = tuple[Key | None, Key | None]
"""The keys from the first one up to, and without, the second one. None: there is no such end."""

type Ranges = list[Range] | None
"""Ranges of a table's keys. None: all rows."""


class Document(BaseModel):
    """A document that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(cls, name: str, content: bytes) -> Self:
        """Return the document; raise `ArchiveError` if its content is invalid."""
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise ArchiveError(f"{name} is not valid: {place[:200]}: {first['msg']}") from error

    def write(self) -> bytes:
        """Return the document as JSON."""
        return self.model_dump_json(indent=1).encode()


class Header(Document):
    """The archive's origin, and the columns of its tables."""

    format: Literal[1]
    archive: UUID
    tenant: UUID
    created_at: datetime
    fingerprint: Hash
    tables: Layout
    migrations: list[str]
    postgresql: str
    with_files: bool
    with_audit: bool


class Person(Document):
    """A user whom the tenant's rows or memberships name. Only members have a role."""

    user: UUID
    email: Address
    verified: bool
    full_name: Annotated[str, Field(max_length=255)]
    role: Role | None
    is_active: bool
    joined_at: datetime | None


class DomainName(Document):
    """A domain of the tenant."""

    domain: Annotated[str, Field(max_length=253)]
    is_primary: bool
    verified_at: datetime | None


class Invited(Document):
    """An open invitation, without its secret."""

    email: Address
    role: Role


class Shared(Document):
    """The tenant's shared data, and natural keys of the shared rows that its rows name."""

    name: str
    slug: str
    settings: dict[str, str | int]
    domains: list[DomainName]
    members: list[Person]
    invitations: list[Invited]
    keys: dict[str, dict[str, list[Key]]]


class Part(Document):
    """A file of rows, in ascending order of their keys."""

    rows: Annotated[int, Field(ge=1)]
    first: list[Key]
    last: list[Key]
    sha256: Hash


class TableSum(Document):
    """The number of a table's rows, and the sum over their contents, in these ranges of keys."""

    rows: Count
    sums: tuple[str, str]
    parts: list[Part]
    ranges: Ranges = None


class FileSum(Document):
    """Size and hash of a file."""

    size: Count
    sha256: Hash


class Manifest(Document):
    """Everything that is in an archive. It is the last member."""

    header: Hash
    shared: Hash
    tables: dict[str, TableSum]
    files: dict[str, FileSum]
    missing: list[str]
    audit: list[Part]
    unchanged: list[str] | None = None
    """Names of files that an archive of changes leaves out; None in a complete archive."""


def hash_of(content: bytes) -> str:
    """Return the SHA-256 of a content, in hexadecimal digits."""
    return sha256(content).hexdigest()
