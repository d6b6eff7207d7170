"""Invariants of every strategy. Each consists of clauses that find one kind of violation."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.context import ActiveTenant

type Check = Callable[[], list[str]]
"""A function that returns a phrase for each violation."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """An invariant: clauses by name, and a check that runs all of them in one query.

    Servers check those that are ``is_cheap`` at start and in the readiness probe.
    """

    clauses: Mapping[str, Check]
    check: Check
    is_cheap: bool = False

    def __call__(self) -> list[str]:
        """Return the violations that the clauses find."""
        return self.check()


type Invariants = Mapping[str, Invariant]
"""Invariants by name."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A way to violate one clause of an invariant in a test.

    It is a pair of the owner's statements, to run where the tables of ``tenant`` are, by default in
    the shared data. Or it is a role to ``examine``, which has a power that cannot be granted.
    """

    make: str = ""
    undo: str = ""
    tenant: ActiveTenant | None = None
    examine: str = ""


def in_clauses(
    queries: Mapping[str, str],
    ask: Callable[[str], list[str]] | None = None,
    *,
    is_cheap: bool = False,
) -> Invariant:
    """Return an invariant with queries for violations as clauses; ``ask`` runs a query."""
    ask = ask or select_violations
    clauses = {name: partial(ask, query) for name, query in queries.items()}
    every = " UNION ALL ".join(f"({query})" for query in queries.values())
    return Invariant(clauses, partial(ask, every), is_cheap)


def runtime_role_powers() -> Invariant:
    """Return the invariant that the run-time role can only read and write rows."""
    return in_clauses(POWERS, select_powers, is_cheap=True)


def select_powers(query: str, *, alias: str = SHARED_DB) -> list[str]:
    """Run a query of `POWERS`, without the powers in ``ACCEPTED_POWERS``."""
    found = select_violations(query, alias=alias)
    return [power for power in found if power not in settings.ACCEPTED_POWERS]


def security_definer_functions(
    alias: str = SHARED_DB, *, listed_as: Callable[[str], str] = str
) -> list[str]:
    """Return the functions that run with their owner's rights and so bypass isolation.

    Omits the reviewed ones in ``SECURITY_DEFINER_FUNCTIONS``, by the name that ``listed_as``
    returns.
    """
    found = select_violations(_SECURITY_DEFINER_FUNCTIONS, alias=alias)
    return [name for name in found if listed_as(name) not in settings.SECURITY_DEFINER_FUNCTIONS]


def misplaced_tables(
    query: str,
    places: Iterable[tuple[str, Iterable[str]]],
    alias: str = SHARED_DB,
    *,
    with_partitions: bool = False,
    listed_as: Callable[[str], str] = str,
) -> list[str]:
    """Return accessible tables that belong to no model or are in the wrong schema.

    ``query`` is one of `MISPLACED`. ``places`` pairs schemas, as regular expressions, with the
    tables that belong there. Omits the tables in ``TABLES_WITHOUT_MODELS``, by the name that
    ``listed_as`` returns.
    """
    migrations = MigrationRecorder.Migration._meta.db_table
    pairs = [(schema, table) for schema, tables in places for table in (*tables, migrations)]
    found = select_violations(
        query,
        alias=alias,
        with_partitions=with_partitions,
        schemas=[schema for schema, _ in pairs],
        tables=[table for _, table in pairs],
    )
    return [name for name in found if listed_as(name) not in settings.TABLES_WITHOUT_MODELS]


def select_violations(
    query: str, *, alias: str = SHARED_DB, **params: str | bool | list[str]
) -> list[str]:
    """Run a query that selects one column of violations."""
    with connections[alias].cursor() as cursor:
        cursor.execute(query, {"examined": _examined.get(), **params})
        return [found for (found,) in cursor.fetchall()]


_examined: ContextVar[str | None] = ContextVar("examined", default=None)


@contextmanager
def examine(role: str) -> Iterator[None]:
    """Examine another role than the connected one; for tests of powers that cannot be granted."""
    token = _examined.set(role)
    try:
        yield
    finally:
        _examined.reset(token)


_ROLE = "(SELECT oid FROM pg_roles WHERE rolname = coalesce(%(examined)s, current_user::text))"
_ROW_RIGHTS = "ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']"
_ATTRIBUTES = {
    "is a superuser": "rolsuper",
    "bypasses policies": "rolbypassrls",
    "creates roles": "rolcreaterole",
    "creates databases": "rolcreatedb",
    "replicates": "rolreplication",
}


def _granted(kinds: str, condition: str) -> str:
    """Return a query for privileges of the role, or of PUBLIC, on relations of some kinds."""
    return f"""
SELECT format('may %%s %%s', lower(a.privilege_type), c.oid::regclass)
FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relkind IN ({kinds}) AND ({condition})
    AND CASE a.grantee WHEN 0 THEN true ELSE pg_has_role({_ROLE}, a.grantee, 'USAGE') END
"""


# The clauses list allowed privileges, so that they also find those of later PostgreSQL versions.
POWERS = {
    attribute: f"SELECT '{attribute}' FROM pg_roles WHERE oid = {_ROLE} AND {column}"
    for attribute, column in _ATTRIBUTES.items()
} | {
    "owns objects": f"""
SELECT 'owns ' || pg_describe_object(classid, objid, objsubid) FROM pg_shdepend
WHERE refclassid = 'pg_authid'::regclass AND refobjid = {_ROLE} AND deptype = 'o'
    AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
""",
    "is a member of roles": f"""
SELECT 'is a member of ' || r.rolname FROM pg_roles r
WHERE r.oid <> {_ROLE} AND pg_has_role({_ROLE}, r.oid, 'MEMBER')
""",
    "creates in schemas": f"""
SELECT 'may create in schema ' || n.nspname FROM pg_namespace n
WHERE n.nspname !~ '^pg_' AND has_schema_privilege({_ROLE}, n.oid, 'CREATE')
""",
    "creates schemas": f"""
SELECT 'may create schemas' WHERE has_database_privilege({_ROLE}, current_database(), 'CREATE')
""",
    "makes temporary tables": f"""
SELECT 'may make temporary tables, which stay for later users of the connection'
WHERE has_database_privilege({_ROLE}, current_database(), 'TEMPORARY')
""",
    "more than rows of tables": _granted(
        "'r', 'p', 'v', 'm', 'f'", f"a.privilege_type <> ALL ({_ROW_RIGHTS})"
    ),
    "more than rows of columns": f"""
SELECT format('may %%s %%s.%%s', lower(a.privilege_type), t.attrelid::regclass, t.attname)
FROM pg_attribute t, aclexplode(t.attacl) a
WHERE a.privilege_type <> ALL ({_ROW_RIGHTS})
    AND CASE a.grantee WHEN 0 THEN true ELSE pg_has_role({_ROLE}, a.grantee, 'USAGE') END
""",
    "more than the next value of a sequence": _granted("'S'", "a.privilege_type <> 'USAGE'"),
    "grants to others": _granted("'r', 'p', 'v', 'm', 'f', 'S'", "a.is_grantable"),
    "is granted other objects": f"""
SELECT 'is granted ' || pg_describe_object(classid, objid, objsubid) FROM pg_shdepend
WHERE refclassid = 'pg_authid'::regclass AND deptype = 'a'
    AND pg_has_role({_ROLE}, refobjid, 'USAGE')
    AND classid::regclass::text NOT IN ('pg_class', 'pg_namespace', 'pg_database', 'pg_default_acl')
    AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
""",
    "writes which migrations are applied": f"""
SELECT 'may write ' || c.oid::regclass FROM pg_class c
WHERE c.relname = 'django_migrations' AND c.relkind IN ('r', 'p')
    AND has_table_privilege({_ROLE}, c.oid, 'INSERT, UPDATE, DELETE')
""",
    "makes large objects": f"""
SELECT DISTINCT 'may make large objects' FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace
    AND proname IN ('lo_creat', 'lo_create', 'lo_from_bytea')
    AND has_function_privilege({_ROLE}, oid, 'EXECUTE')
""",
}

# Without objects of extensions.
OURS = """
    n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = {oid} AND d.deptype = 'e')
"""
REACHED = f"""
    {OURS.format(oid="c.oid")} AND has_schema_privilege(n.oid, 'USAGE')
    AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
"""
_SECURITY_DEFINER_FUNCTIONS = f"""
SELECT format('%%s.%%s(%%s)', nspname, proname, pg_get_function_identity_arguments(p.oid))
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND {OURS.format(oid="p.oid")}
"""
MISPLACED = {
    name: f"""
SELECT format('%%s.%%s', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ({kinds}) AND {REACHED} AND NOT EXISTS (
    SELECT FROM unnest(%(schemas)s::text[], %(tables)s::text[]) AS place (schema, name)
    WHERE n.nspname ~ schema AND name = CASE
        WHEN c.relispartition AND %(with_partitions)s
        THEN (SELECT relname FROM pg_class WHERE oid = pg_partition_root(c.oid))
        ELSE c.relname END)
"""
    for name, kinds in {"tables": "'r', 'f'", "partitioned tables": "'p'"}.items()
}
