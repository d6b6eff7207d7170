"""Callbacks that fail after their transaction."""

AFTER_COMMIT = "Raised by a callback of on_commit(): the transaction was committed before."
"""The note on what such a callback raises."""


def is_after_commit(error: BaseException | None) -> bool:
    """Return whether an error, or what caused it, was raised after what was asked for was done."""
    while error is not None:
        if AFTER_COMMIT in getattr(error, "__notes__", ()):
            return True
        error = error.__cause__
    return False
