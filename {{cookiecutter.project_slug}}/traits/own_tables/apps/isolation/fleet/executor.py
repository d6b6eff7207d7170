"""Migrates the tables of many tenants by replaying the SQL that Django sent for one of them.

Django spends most of the time in Python: it loads migrations, renders models and lists tables. The
SQL is the same for every tenant with the same applied migrations. So Django migrates the first
target, usually the template, while its SQL is recorded. All others get the recording as one
message, with a transaction for each migration that also records the migration as applied.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock

import psycopg
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from apps.isolation.app_registry import as_owner
from apps.isolation.fleet.recording import (
    MOVED,
    PATIENCE,
    TURN,
    Recording,
    fingerprint_of,
    recorded,
    send,
)
from apps.isolation.strategy.targets import target_opener

type Opener = Callable[[str], AbstractContextManager[BaseDatabaseWrapper]]
"""A function that opens one target after another as the owner."""

WORKERS = 4
"""Number of targets that are worked on in parallel, each with a connection, by default."""

TRIES = 5
"""Maximum attempts for a target in one run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one target: hashes of the applied migrations, seconds, an error."""

    target: str
    before: str
    after: str
    seconds: float
    error: str = ""

    @property
    def status(self) -> str:
        """Return "failed", "migrated", or "current" for a target with nothing to apply."""
        if self.error:
            return "failed"
        return "current" if self.before == self.after else "migrated"


class Recordings:
    """Recordings by the hash of the migrations that were applied before."""

    def __init__(self, known: dict[str, Recording]) -> None:
        self._lock = Lock()
        self._by_fingerprint = known

    def has_sql(self, fingerprint: str) -> bool:
        """Return whether a recording exists that consists of SQL only."""
        recording = self._by_fingerprint.get(fingerprint)
        return recording is not None and recording.is_sql and recording.changes

    def find(self, fingerprint: str, make: Callable[[], Recording]) -> tuple[Recording, bool]:
        """Return the recording and whether this call made it; other threads wait for it."""
        with self._lock:
            if known := self._by_fingerprint.get(fingerprint):
                return known, False
            made = self._by_fingerprint[fingerprint] = make()
            return made, True


def migrate_fleet(
    targets: Mapping[str, str | None], recordings: Recordings, *, workers: int, wanted: str
) -> Iterator[Outcome]:
    """Apply all migrations to the targets; yield an outcome for each, in the order of completion.

    ``targets`` maps names to hashes of applied migrations, or to None if unknown. A target with
    another hash than ``wanted`` afterwards has failed. A failure does not stop the other targets.
    Each worker is a thread with one connection of the owner at a time.
    """
    todo: SimpleQueue[tuple[str, str | None]] = SimpleQueue()
    done: SimpleQueue[Outcome | None] = SimpleQueue()
    for item in targets.items():
        todo.put(item)

    def work() -> None:
        try:
            with target_opener() as opened:
                while True:
                    outcome = _migrate_target(*todo.get_nowait(), opened, recordings)
                    done.put(outcome if outcome.error else checked(outcome, wanted))
        except Empty:
            pass
        finally:
            connections.close_all()
            done.put(None)

    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work) for _ in range(workers)]
        for _ in futures:
            yield from iter(done.get, None)
        for future in futures:
            future.result()


def checked(outcome: Outcome, wanted: str) -> Outcome:
    """Return the outcome, as a failure if the applied migrations are not the wanted ones."""
    if outcome.after == wanted:
        return outcome
    return replace(outcome, error="its applied migrations differ from the template's")


def take_turns(target: str, connection: BaseDatabaseWrapper) -> None:
    """Wait until no other run works on a target, and keep other runs out until this one ends.

    After a run was killed, PostgreSQL may still execute the statements that it sent.
    """
    send(f"BEGIN; {PATIENCE} {TURN.format(target)} COMMIT", connection)


def _migrate_target(
    target: str, known: str | None, opened: Opener, recordings: Recordings
) -> Outcome:
    started = time.monotonic()
    before, after, error = None, "", ""
    for _ in range(TRIES):
        try:
            with opened(target) as connection:
                # A recording checks the hash itself. Django does not, and a killed run may have
                # migrated the target after the ledger was written.
                if known is None or not recordings.has_sql(known):
                    take_turns(target, connection)
                    known = fingerprint_of(target, connection)
                before = known if before is None else before
                after, error = _migrate(target, known, connection, recordings), ""
                break
        # Python code in a migration may raise any error for one tenant's rows.
        except Exception as problem:  # noqa: BLE001
            error = str(problem).strip() or repr(problem)
            if not _may_pass(problem):
                break
            known = None
    return Outcome(target, before or "", after, time.monotonic() - started, error)


def _migrate(
    target: str, fingerprint: str, connection: BaseDatabaseWrapper, recordings: Recordings
) -> str:
    make = partial(_migrate_by_django, target, connection)
    recording, just_made = recordings.find(fingerprint, make)
    if recording.changes and recording.is_sql and not just_made:
        return send(recording.message(target, fingerprint), connection)
    if recording.changes and not just_made:
        make()
    return fingerprint_of(target, connection)


def _migrate_by_django(target: str, connection: BaseDatabaseWrapper) -> Recording:
    with as_owner(connection.alias), recorded(target, connection) as recording:
        executor = MigrationExecutor(connection, recording.progress)
        executor.migrate(executor.loader.graph.leaf_nodes())
    return recording


def _may_pass(problem: Exception) -> bool:
    """Return whether a retry may succeed: after a lock timeout, or if another run was faster."""
    cause = problem.__cause__ or problem
    passing = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
    return isinstance(cause, passing) or getattr(cause, "sqlstate", None) == MOVED
