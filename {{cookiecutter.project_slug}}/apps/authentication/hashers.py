"""Hashing of passwords, which takes a processor for a large part of a second."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, get_native_id
from typing import Final

from django.contrib.auth import hashers

NICENESS: Final = 10
"""Priority of a thread that hashes; that of other threads is 0, and a higher number waits."""

_turn: Final = Lock()


class PBKDF2PasswordHasher(hashers.PBKDF2PasswordHasher):
    """Django's hasher, for one password at a time in each process, behind all other work.

    Several at a time would take no less time, and a flood of log-ins would leave no processor to
    other requests.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Return the hash of a password, with all that `verify` needs."""
        with _turn, ThreadPoolExecutor(1, initializer=_let_others_go_first) as thread:
            return thread.submit(super().encode, password, salt, iterations).result()


def _let_others_go_first() -> None:
    # Only Linux has priorities of threads.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), NICENESS)
