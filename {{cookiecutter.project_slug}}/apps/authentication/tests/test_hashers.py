"""Passwords are hashed one at a time, and after all other work."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError, get_native_id
from typing import Any

import pytest
from django.contrib.auth import hashers

from apps.authentication.hashers import NICENESS, PBKDF2PasswordHasher


def test_process_hashes_one_password_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Barrier(2)

    def meet(*args: Any) -> str:
        try:
            both.wait(timeout=0.2)
        except BrokenBarrierError:
            return "alone"
        return "together"

    monkeypatch.setattr(hashers.PBKDF2PasswordHasher, "encode", meet)
    with ThreadPoolExecutor(2) as pool:
        met = pool.map(PBKDF2PasswordHasher().encode, ["one", "two"], ["salt"] * 2)
        assert list(met) == ["alone", "alone"]


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has priorities of threads.")
def test_hashing_waits_for_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def priority(*args: Any) -> int:
        return os.getpriority(os.PRIO_PROCESS, get_native_id())

    before = priority()
    monkeypatch.setattr(hashers.PBKDF2PasswordHasher, "encode", priority)
    during: Any = PBKDF2PasswordHasher().encode("password", "salt")
    assert during == max(before, NICENESS)
    assert priority() == before


def test_hashes_are_compatible_with_django() -> None:
    made = PBKDF2PasswordHasher().encode("password", "salt", 1)
    assert hashers.PBKDF2PasswordHasher().verify("password", made)
    assert PBKDF2PasswordHasher().verify("password", made)
