"""Hashing of passwords, which takes a processor for a large part of a second."""

from threading import Lock
from typing import Final

from django.contrib.auth import hashers

_turn: Final = Lock()


class PBKDF2PasswordHasher(hashers.PBKDF2PasswordHasher):
    """Django's hasher, for one password at a time in each process.

    Several at a time would take no less time, and a flood of log-ins would leave no processor to
    other requests.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Return the hash of a password, with all that `verify` needs."""
        with _turn:
            return super().encode(password, salt, iterations)
