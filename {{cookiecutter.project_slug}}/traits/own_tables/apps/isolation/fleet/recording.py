"""Records the SQL that Django sends to migrate one target, and sends it to another."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

from apps.isolation.migration_state import FINGERPRINT
from apps.isolation.strategy.targets import adapt, check_made, enter, prepare

APPLIED = FINGERPRINT.format("")
_NAMES = "SELECT coalesce(string_agg(app || '.' || name, ' '), '') FROM django_migrations"

LOCK_SECONDS = 5
"""Seconds that a migration waits for a lock on a table. Other statements queue behind it."""

PATIENCE = f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s';"

MOVED = "SA001"
"""SQLSTATE for a target whose applied migrations differ from those before the recording."""

# Releases the lock of an earlier target on the same connection.
TURN = "SELECT pg_advisory_unlock_all(); SELECT pg_advisory_lock(hashtextextended('{}', 0));"


# A migration's own SQL may have recorded them, as after an app was renamed.
_RECORD = """
INSERT INTO django_migrations (app, name, applied)
SELECT app, name, now() FROM (VALUES {}) AS made (app, name)
WHERE NOT EXISTS (
    SELECT FROM django_migrations m WHERE m.app = made.app AND m.name = made.name)
"""


@dataclass(slots=True)
class Step:
    """One migration: the rows that record it, and the SQL that it sends."""

    rows: list[tuple[str, str]]
    statements: list[str] = field(default_factory=list)

    def sql(self) -> str:
        """Return the SQL as one text, in which a statement may end in a comment."""
        statements = [*self.statements]
        if self.rows:
            values = ", ".join(f"('{app}', '{name}')" for app, name in self.rows)
            statements.append(_RECORD.format(values))
        return "".join(f"{each.rstrip().rstrip(';')}\n;\n" for each in statements)


@dataclass(slots=True)
class Recording:
    """The SQL that Django sends to apply a plan, migration by migration."""

    alias: str
    preparation: str = ""
    """SQL that comes before the plan."""
    steps: list[Step] = field(default_factory=list)
    is_sql: bool = True
    """True if the SQL is the whole plan; a plan with Python needs more."""
    rest: Step = field(default_factory=partial(Step, rows=[]))
    """Other changes of the table of applied migrations, such as a recorded squash."""

    @property
    def changes(self) -> bool:
        """Return whether anything was applied or recorded."""
        return bool(self.steps or self.rest.rows or self.rest.statements)

    def finish(self, before: set[tuple[str, str]], after: set[tuple[str, str]]) -> None:
        """Add changes to the applied migrations that no step contains."""
        recorded_by_steps = {row for step in self.steps for row in step.rows}
        self.rest.rows = sorted(after - before - recorded_by_steps)
        self.rest.statements = [
            f"DELETE FROM django_migrations WHERE app = '{app}' AND name = '{name}'"
            for app, name in sorted(before - after)
        ]

    def progress(
        self, action: str, migration: Migration | None = None, fake: bool | None = False
    ) -> None:
        """Begin a step, as the progress callback of Django's MigrationExecutor."""
        if migration and action == "apply_start":
            names = [*migration.replaces, (migration.app_label, migration.name)]
            self.steps.append(Step(rows=[(app, name) for app, name in names]))
            self.is_sql = self.is_sql and not fake and _is_sql(migration, self.alias)

    def note(self, statement: str) -> None:
        """Add a statement to the step."""
        if self.steps:
            self.steps[-1].statements.append(statement)
        else:
            # Before the first step Django creates django_migrations, which messages need.
            self.is_sql = False

    def message(self, target: str, fingerprint: str) -> str:
        """Return SQL that applies the recording to another target and selects its new hash.

        The SQL fails if the target's hash differs from ``fingerprint``, because another run was
        faster; see `take_turns`.
        """
        guard = f"""
            {TURN.format(target)}
            DO $guard$ BEGIN
                IF ({APPLIED}) <> '{fingerprint}' THEN
                    RAISE 'it was migrated meanwhile' USING ERRCODE = '{MOVED}';
                END IF; END $guard$;
        """
        begin = f"BEGIN; {enter(target)} {PATIENCE}"
        steps = f"COMMIT; {begin}".join(step.sql() for step in [*self.steps, self.rest])
        return f"{begin} {guard} {self.preparation} {steps} {APPLIED}; COMMIT"


def _adapted(execute: Callable[..., object], sql: object, *rest: object) -> object:
    """Send an adapted statement; Python code in migrations sends its statements through this."""
    adapted = adapt(sql) if isinstance(sql, str) else sql
    return execute(adapted, *rest) if adapted else None


def fingerprint_of(target: str, connection: BaseDatabaseWrapper) -> str:
    """Return the hash of the migrations applied to a target; empty for no migrations."""
    return _ask(APPLIED, target, connection)


def _applied_to(target: str, connection: BaseDatabaseWrapper) -> set[tuple[str, str]]:
    names = _ask(_NAMES, target, connection).split()
    return {(app, name) for app, _, name in (each.partition(".") for each in names)}


def _ask(query: str, target: str, connection: BaseDatabaseWrapper) -> str:
    try:
        return send(f"BEGIN; {enter(target)} {query}; COMMIT", connection)
    except psycopg.errors.UndefinedTable:
        return ""


@contextmanager
def recorded(target: str, connection: BaseDatabaseWrapper) -> Iterator[Recording]:
    """Record the statements that schema editors send to a target within the block."""
    recording = Recording(connection.alias, prepare(connection))
    plain: Any = connection.SchemaEditorClass

    class RecordingEditor(plain):  # type: ignore[misc]
        def execute(self, sql: object, params: Sequence[object] | None = ()) -> None:
            if params is not None:
                sql = self.connection.ops.compose_sql(str(sql), params)
            if adapted := adapt(str(sql)):
                super().execute(adapted, None)
                recording.note(adapted)

        def __exit__(self, kind: object, error: object, trace: object) -> None:
            try:
                if kind is None:
                    self._finish()
            except Exception as problem:
                super().__exit__(type(problem), problem, problem.__traceback__)
                raise
            super().__exit__(kind, error, trace)

        def _finish(self) -> None:
            for sql in self.deferred_sql:
                self.execute(sql, None)
            self.deferred_sql.clear()
            check_made(target, self.connection)

    before = _applied_to(target, connection)
    connection.SchemaEditorClass = RecordingEditor
    try:
        with connection.execute_wrapper(_adapted):
            yield recording
        recording.finish(before, _applied_to(target, connection))
    finally:
        connection.SchemaEditorClass = plain


def send(message: str, connection: BaseDatabaseWrapper) -> str:
    """Send statements in one message by psycopg; return the one value that they select."""
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


def _is_sql(migration: Migration, alias: str) -> bool:
    """Return whether a migration only sends SQL, in a transaction."""
    if not router.allow_migrate(alias, migration.app_label):
        return True  # a migration of shared data: recorded as applied, without SQL
    return migration.atomic is not False and all(map(_operation_is_sql, migration.operations))


def _operation_is_sql(operation: Operation) -> bool:
    if isinstance(operation, SeparateDatabaseAndState):
        return all(map(_operation_is_sql, operation.database_operations))
    return operation.reduces_to_sql
