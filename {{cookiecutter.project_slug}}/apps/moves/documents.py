"""The JSON documents that the two installations of a move send each other."""

from datetime import datetime

from apps.portability.documents import Document, Header, Key, Shared
from apps.portability.sums import Sum


class Question(Document):
    """The tables of the tenant where it is: the bounds of their ranges, and counted numbers."""

    header: Header
    shared: Shared
    bounds: dict[str, list[Key]] = {}
    numbers: dict[str, list[int]] = {}
    by_hash: bool = False
    """If true, files are compared by their hashes, and not by their sizes."""


class Answer(Document):
    """The state of the tenant where it moves to."""

    status: str
    """A status, or "absent"."""
    since: datetime | None = None
    """When its import began."""
    sums: dict[str, list[Sum]] = {}
    """The sums of the ranges of each table."""
    files: dict[str, str] = {}
    """Size or hash of each file that a row names; empty for one that is missing."""
    changes: list[str] = []
    """Actions in the audit log since the tenant was imported."""
