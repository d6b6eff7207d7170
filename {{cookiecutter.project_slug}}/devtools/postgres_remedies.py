"""Remedies for an embedded PostgreSQL that does not start."""

import re
from pathlib import Path

# PostgreSQL's messages about data of another version or damaged data.
UNUSABLE_DATA = re.compile(
    "incompatible with|not a valid data directory|invalid data in file|control file"
    "|checkpoint record|find the database system|required WAL directory"
    "|could not (?:open|read|access) (?:file|directory)"
)


def explain(complaint: str, home: Path, otherwise: str) -> str:
    """Return a sentence with the cause, the log, and what to delete if that is the only remedy."""
    sentence = complaint or "The supervisor process died"
    if UNUSABLE_DATA.search(complaint):
        sentence += f"; delete {home} to start from scratch (its data is lost)"
    return f"{sentence}; see {home / 'server.log'}, {otherwise}"
