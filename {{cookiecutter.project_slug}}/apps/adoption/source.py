"""The source of an adoption: a PostgreSQL database, which is only read."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import DEFAULT_DB_ALIAS, DatabaseError
from django.db.utils import ConnectionHandler
from psycopg import ProgrammingError, sql
from psycopg.conninfo import conninfo_to_dict

from apps.adoption.plan import ModelPlan, Plan
from apps.portability.exceptions import ArchiveError
from apps.portability.sums import FORMATS
from apps.portability.tables import Table, tenant_tables

KEY: Final = "%(key)s"
SCHEMA: Final = "%(schema)s"
"""The key as a quoted name, for sources with a schema for each tenant."""

NAMESPACE: Final = UUID("6f0f4c1e-6c5b-4d6a-8f5e-0d7c0f1b2a93")
"""Of the ids of adopted tenants (RFC 9562, section 5.5)."""

_MARKS: Final = re.compile("|".join(map(re.escape, (KEY, SCHEMA))))
_PARAMETERS: Final = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST"}


@dataclass(frozen=True, slots=True)
class Customer:
    """A tenant of the source."""

    id: UUID
    key: object
    slug: str
    name: str


@contextmanager
def opened_source(plan: Plan) -> Iterator["Source"]:
    """Connect to the source, in one read-only transaction with one snapshot."""
    with connected(plan.source) as connection:
        yield Source(plan, connection)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a PostgreSQL database, whose address may be in a variable: ``env:NAME``.

    The block is one read-only transaction with one snapshot.
    """
    connection = _connection(_address(address))
    try:
        connection.set_autocommit(False)
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            limits = dict.fromkeys(("statement_timeout", "idle_in_transaction_session_timeout"), 0)
            settings = {**FORMATS, **limits}
            cursor.execute("; ".join(f"SET LOCAL {key} = '{settings[key]}'" for key in settings))
        yield connection
    except DatabaseError as error:
        first = str(error).partition("\n")[0]
        raise ArchiveError(f"The source refuses it: {first}.") from error
    finally:
        connection.close()


class Source:
    """An open source."""

    def __init__(self, plan: Plan, connection: Any) -> None:
        self.plan, self.connection = plan, connection
        self.models = self._models()

    def customers(self) -> list[Customer]:
        """Return the tenants in the order of their slugs; raise `ArchiveError` if two are one."""
        found = []
        for row in self.rows(self.plan.tenants.query, None):
            key, slug, name = (row.get(each) for each in ("key", "slug", "name"))
            if key is None or not slug or not name:
                raise ArchiveError("tenants.query: a row lacks key, slug or name.")
            found.append(Customer(uuid5(NAMESPACE, f"{self.plan.run}:{key}"), key, slug, name))
        if len({each.id for each in found}) != len(found):
            raise ArchiveError("tenants.query returns a key twice.")
        return sorted(found, key=lambda each: each.slug)

    def tables(self, key: object, *, is_typed: bool = True) -> dict[str, Table]:
        """Return the target's tables, each with the query of one tenant's rows for its name."""
        return {label: self._table(label, key, is_typed=is_typed) for label in self.models}

    def users(self, key: object) -> str:
        """Return the query of the users of one tenant, as a table."""
        return f"({self.text(self.plan.users.query, key)})"

    def rows(self, query: str, key: object) -> list[dict[str, Any]]:
        """Return the rows of one of the plan's queries."""
        return self.execute(self.text(query, key))

    def execute(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query that is complete."""
        with self.connection.cursor() as cursor:
            cursor.execute(query, [])
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def text(self, text: str, key: object) -> str:
        """Return a SQL text of the plan for the tenant with a key.

        Percent signs are doubled, since the text is executed with parameters.
        """
        literal, name = (
            value.as_string(self.connection.connection)
            for value in (sql.Literal(key), sql.Identifier(str(key)))
        )
        values = {KEY: literal, SCHEMA: name}
        complete = _MARKS.sub(lambda mark: values[mark[0]], self.plan.sql(text, key))
        return complete.replace("%", "%%")

    @contextmanager
    def collecting_errors(self) -> Iterator[list[str]]:
        """Run a block; yield a list that gets the sentence of an error of PostgreSQL."""
        found: list[str] = []
        point = self.connection.savepoint()
        try:
            yield found
        except DatabaseError as error:
            self.connection.savepoint_rollback(point)
            found.append(str(error).partition("\n")[0])
        else:
            self.connection.savepoint_commit(point)

    def _models(self) -> dict[str, tuple[Table, ModelPlan]]:
        known = {table.label: table for table in tenant_tables().values()}
        found = {}
        for name, each in self.plan.models.items():
            table = known.get(name.lower())
            if table is None:
                raise ArchiveError(f"[models.{name}]: there is no model of tenants with this name.")
            columns = {column.name for column in table.columns}
            if unknown := each.columns.keys() - columns:
                message = f"[models.{name}]: {table.label} has no column {min(unknown)!r}; "
                raise ArchiveError(f"{message}it has {', '.join(sorted(columns))}.")
            needed = {c.name for c in table.columns if not c.can_be_omitted} | set(table.key)
            if lacking := needed - each.columns.keys():
                raise ArchiveError(f"[models.{name}.columns]: {min(lacking)} is missing.")
            found[table.label] = (table, each)
        return found

    def _table(self, label: str, key: object, *, is_typed: bool) -> Table:
        table, plan = self.models[label]
        columns = table.columns_named(plan.columns)
        values = ", ".join(
            f"{_typed(self.text(plan.columns[each.name], key), each.type if is_typed else '')}"
            f" AS {self.connection.ops.quote_name(each.name)}"
            for each in columns
        )
        origin, where, only = (self.text(each, key) for each in (plan.from_, plan.where, plan.only))
        query = f"(SELECT {values} FROM {origin} WHERE ({where}) AND ({only}) IS NOT FALSE)"
        files = tuple(name for name in table.files if name in plan.columns)
        generics = tuple(pair for pair in table.generics if pair[0] in plan.columns)
        return replace(table, name=query, columns=tuple(columns), files=files, generics=generics)


def _address(text: str) -> str:
    kind, _, name = text.partition(":")
    if kind != "env":
        return text
    if not os.environ.get(name):
        raise ArchiveError(f"Set the variable {name} to the address of the source.")
    return os.environ[name]


def _connection(address: str) -> Any:
    """Return a connection of Django's own backend, which knows no tenants."""
    try:
        given = conninfo_to_dict(address)
    except ProgrammingError as error:
        raise ArchiveError("The source's address is not one of a PostgreSQL database.") from error
    settings: dict[str, Any] = {
        name: given.pop(key) for key, name in _PARAMETERS.items() if key in given
    }
    settings["PORT"] = str(given.pop("port", ""))
    settings |= {"ENGINE": "django.db.backends.postgresql", "OPTIONS": given}
    return ConnectionHandler({DEFAULT_DB_ALIAS: {}, "source": settings})["source"]


def _typed(expression: str, type_: str) -> str:
    """Return an expression of a type, which PostgreSQL refuses instead of cutting or rounding."""
    value, keeps = f"({expression})", ""
    if length := longest(type_):
        keeps = f"length({value}::text) <= {length}"
    elif re.fullmatch(r"numeric\(.+\)|smallint|integer|bigint", type_):
        keeps = f"{value}::numeric = {value}::numeric::{type_}"
    if not keeps:
        return f"{value}::{type_}" if type_ else value
    refusal = f"('{type_} cannot hold ' || left({value}::text, 40))::integer::text::{type_}"
    return f"CASE WHEN {value} IS NULL OR {keeps} THEN {value}::{type_} ELSE {refusal} END"


def longest(type_: str) -> int | None:
    """Return the greatest length of a text type, such as 200 of ``varchar(200)``."""
    found = re.fullmatch(r"varchar\((\d+)\)", type_)
    return int(found[1]) if found else None
