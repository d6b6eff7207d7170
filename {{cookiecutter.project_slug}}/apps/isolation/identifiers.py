"""Primary keys."""

import sys
from uuid import UUID

if sys.version_info >= (3, 14):
    from uuid import uuid7
else:
    from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a time-ordered UUID (RFC 9562, version 7).

    Ordered by time, so that new rows land at the end of an index; random enough that one
    cannot be guessed from another.
    """
    return uuid7()
