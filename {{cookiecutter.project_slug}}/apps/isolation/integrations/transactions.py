"""Errors of ``on_commit`` callbacks, after the commit."""

from apps.isolation.postgresql.on_commit import AFTER_COMMIT


def is_after_commit(error: BaseException | None) -> bool:
    """Return whether an error or one of its causes was raised after the commit."""
    while error is not None:
        if AFTER_COMMIT in getattr(error, "__notes__", ()):
            return True
        error = error.__cause__
    return False
