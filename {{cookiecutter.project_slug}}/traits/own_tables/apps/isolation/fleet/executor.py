"""Migrate the tables of many tenants: what Django sends for one of them is replayed for the others.

Most of a migration's time is Python: reading migrations, rendering models, listing tables. The SQL
is the same for every tenant that has the same migrations applied. So the first target (mostly the
template) is migrated by Django, which is recorded, and all others get the recording: one message,
one transaction per migration, with the row that records it as applied.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

import psycopg
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

from apps.isolation.app_registry import as_owner
from apps.isolation.migration_state import FINGERPRINT
from apps.isolation.strategy.targets import enter, target_opener

APPLIED = FINGERPRINT.format("")
_NAMES = "SELECT coalesce(string_agg(app || '.' || name, ' '), '') FROM django_migrations"

type Opener = Callable[[str], AbstractContextManager[BaseDatabaseWrapper]]
"""A function that opens one target after the other as the owner."""

LOCK_SECONDS = 5
"""How long a migration waits for a table that somebody else holds; meanwhile others wait for it."""

_PATIENCE = f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s';"

TRIES = 5
"""How often a target is tried before this run gives it up."""

MOVED = "SA001"
"""SQLSTATE of a target whose applied migrations are not those that the recording begins with."""

# Releases what an earlier target's turn has taken on the same connection.
_TURN = "SELECT pg_advisory_unlock_all(); SELECT pg_advisory_lock(hashtextextended('{}', 0));"


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
        """Return "failed", "migrated", or "current" if there was nothing to do."""
        if self.error:
            return "failed"
        return "current" if self.before == self.after else "migrated"


@dataclass(slots=True)
class Step:
    """One migration: the rows that record it, and the SQL that it sends."""

    rows: list[tuple[str, str]]
    statements: list[str] = field(default_factory=list)

    def sql(self) -> str:
        """Return the SQL as one text; each statement may end in a comment."""
        statements = [*self.statements]
        if self.rows:
            values = ", ".join(f"('{app}', '{name}', now())" for app, name in self.rows)
            insert = f"INSERT INTO django_migrations (app, name, applied) VALUES {values}"
            statements.append(insert)
        return "".join(f"{each.rstrip().rstrip(';')}\n;\n" for each in statements)


@dataclass(slots=True)
class Recording:
    """The SQL that Django sends to apply a plan, migration by migration."""

    alias: str
    steps: list[Step] = field(default_factory=list)
    is_sql: bool = True
    """Whether the SQL is the whole plan; a plan with Python in it is more."""
    rest: Step = field(default_factory=partial(Step, rows=[]))
    """What else changed in the table of applied migrations: a squash is recorded by itself."""

    @property
    def changes(self) -> bool:
        """Return whether anything was applied or recorded."""
        return bool(self.steps or self.rest.rows or self.rest.statements)

    def finish(self, before: set[tuple[str, str]], after: set[tuple[str, str]]) -> None:
        """Note what was recorded beside the steps."""
        recorded_by_steps = {row for step in self.steps for row in step.rows}
        self.rest.rows = sorted(after - before - recorded_by_steps)
        self.rest.statements = [
            f"DELETE FROM django_migrations WHERE app = '{app}' AND name = '{name}'"
            for app, name in sorted(before - after)
        ]

    def progress(self, action: str, migration: Any = None, fake: bool | None = False) -> None:
        """Begin a step; a progress callback of Django's MigrationExecutor."""
        if action == "apply_start":
            names = [*migration.replaces, (migration.app_label, migration.name)]
            self.steps.append(Step(rows=[(app, name) for app, name in names]))
            self.is_sql = self.is_sql and not fake and _is_sql(migration, self.alias)

    def note(self, statement: str) -> None:
        """Add a statement to the step."""
        if self.steps:
            self.steps[-1].statements.append(statement)
        else:
            # Before the first step Django makes its own table, which a message would ask in vain.
            self.is_sql = False

    def message(self, target: str, fingerprint: str) -> str:
        """Return SQL that applies the same to another target and selects its new hash.

        If another run was faster, the hash differs from ``fingerprint`` and the SQL fails; see
        `take_turns`.
        """
        guard = f"""
            {_TURN.format(target)}
            DO $guard$ BEGIN
                IF ({APPLIED}) <> '{fingerprint}' THEN
                    RAISE 'it was migrated meanwhile' USING ERRCODE = '{MOVED}';
                END IF; END $guard$;
        """
        begin = f"BEGIN; {enter(target)} {_PATIENCE}"
        steps = f"COMMIT; {begin}".join(step.sql() for step in [*self.steps, self.rest])
        return f"{begin} {guard} {steps} {APPLIED}; COMMIT"


class Recordings:
    """Recordings by the hash of the migrations that were applied before."""

    def __init__(self, known: dict[str, Recording]) -> None:
        self._lock = Lock()
        self._by_fingerprint = known

    def has_sql(self, fingerprint: str) -> bool:
        """Return whether there is a recording that can be sent."""
        recording = self._by_fingerprint.get(fingerprint)
        return recording is not None and recording.is_sql and recording.changes

    def find(self, fingerprint: str, make: Callable[[], Recording]) -> tuple[Recording, bool]:
        """Return the recording, and whether it was made just now; other threads wait for it."""
        with self._lock:
            if known := self._by_fingerprint.get(fingerprint):
                return known, False
            made = self._by_fingerprint[fingerprint] = make()
            return made, True


def migrate_fleet(
    targets: Mapping[str, str | None], recordings: Recordings, *, workers: int, wanted: str
) -> Iterator[Outcome]:
    """Apply all migrations to the targets; yield an outcome for each, in the order of completion.

    One whose migrations do not have the hash ``wanted`` afterwards has failed.

    ``targets`` maps names to hashes, as far as they are known. One that fails stops no other. Each
    worker is a thread with one connection of the owner at a time.
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
                    done.put(outcome if outcome.error else judged(outcome, wanted))
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


def judged(outcome: Outcome, wanted: str) -> Outcome:
    """Return the outcome, which is a failure if other migrations are applied than wanted."""
    if outcome.after == wanted:
        return outcome
    return replace(outcome, error="other migrations are applied than to the template")


def take_turns(target: str, connection: BaseDatabaseWrapper) -> None:
    """Wait until no other run works on a target, and let none begin before this one is done.

    A killed run works on as long as the server is busy with what it had sent.
    """
    _send(f"BEGIN; {_PATIENCE} {_TURN.format(target)} COMMIT", connection)


def fingerprint_of(target: str, connection: BaseDatabaseWrapper) -> str:
    """Return the hash of the migrations applied to a target; empty if there are none."""
    return _ask(APPLIED, target, connection)


def _applied_to(target: str, connection: BaseDatabaseWrapper) -> set[tuple[str, str]]:
    names = _ask(_NAMES, target, connection).split()
    return {(app, name) for app, _, name in (each.partition(".") for each in names)}


def _ask(query: str, target: str, connection: BaseDatabaseWrapper) -> str:
    try:
        return _send(f"BEGIN; {enter(target)} {query}; COMMIT", connection)
    except psycopg.errors.UndefinedTable:
        return ""


@contextmanager
def recorded(target: str, connection: BaseDatabaseWrapper) -> Iterator[Recording]:
    """Record what the connection's schema editors send to a target within the block."""
    recording = Recording(connection.alias)
    plain: Any = connection.SchemaEditorClass

    class RecordingEditor(plain):  # type: ignore[misc]
        def execute(self, sql: object, params: Sequence[object] | None = ()) -> None:
            if params is not None:
                sql = self.connection.ops.compose_sql(str(sql), params)
            super().execute(sql, None)
            recording.note(str(sql))

    before = _applied_to(target, connection)
    connection.SchemaEditorClass = RecordingEditor
    try:
        yield recording
        recording.finish(before, _applied_to(target, connection))
    finally:
        connection.SchemaEditorClass = plain


def _migrate_target(
    target: str, known: str | None, opened: Opener, recordings: Recordings
) -> Outcome:
    started = time.monotonic()
    before, after, error = None, "", ""
    for _ in range(TRIES):
        try:
            with opened(target) as connection:
                # What is sent asks by itself. What Django does, or leaves, does not: a ledger may
                # be from before a run that was killed.
                if known is None or not recordings.has_sql(known):
                    take_turns(target, connection)
                    known = fingerprint_of(target, connection)
                before = known if before is None else before
                after, error = _migrate(target, known, connection, recordings), ""
                break
        # A migration's Python may raise anything over one tenant's rows.
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
        return _send(recording.message(target, fingerprint), connection)
    if recording.changes and not just_made:
        make()
    return fingerprint_of(target, connection)


def _migrate_by_django(target: str, connection: BaseDatabaseWrapper) -> Recording:
    with as_owner(connection.alias), recorded(target, connection) as recording:
        executor = MigrationExecutor(connection, recording.progress)
        executor.migrate(executor.loader.graph.leaf_nodes())
    return recording


def _send(message: str, connection: BaseDatabaseWrapper) -> str:
    """Send statements past Django in one message; return the one value that they select."""
    connection.ensure_connection()
    session: psycopg.Connection = connection.connection
    try:
        cursor = session.execute(message.encode())
    except psycopg.Error:
        session.rollback()
        raise
    answer = ""
    while True:
        if cursor.description:
            (answer,) = cursor.fetchone() or ("",)
        if not cursor.nextset():
            return answer


def _may_pass(problem: Exception) -> bool:
    """Return whether trying again may help: somebody held a lock, or was faster."""
    cause = problem.__cause__ or problem
    passing = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
    return isinstance(cause, passing) or getattr(cause, "sqlstate", None) == MOVED


def _is_sql(migration: Migration, alias: str) -> bool:
    """Return whether a migration does nothing but send SQL, in a transaction."""
    if not router.allow_migrate(alias, migration.app_label):
        return True  # of the shared data: it is recorded as applied, and sends nothing
    return migration.atomic is not False and all(map(_operation_is_sql, migration.operations))


def _operation_is_sql(operation: Operation) -> bool:
    if isinstance(operation, SeparateDatabaseAndState):
        return all(map(_operation_is_sql, operation.database_operations))
    return operation.reduces_to_sql
