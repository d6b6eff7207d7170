"""Creates, destroys and describes a tenant's database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, LiteralString

from django.db import connections
from psycopg.sql import SQL, Identifier

from apps.isolation.app_registry import OWNER, SHARED_DB, as_owner
from apps.isolation.context import ActiveTenant, activate_tenant
from apps.isolation.exceptions import ProvisioningError
from apps.isolation.integrations.files import delete_files
from apps.isolation.migration_state import is_fully_migrated
from apps.isolation.postgresql.grants import grants_on_tables, runtime_role
from apps.isolation.postgresql.limits import set_limits
from apps.isolation.postgresql.wiping import wipe_tables
from apps.isolation.strategy.connections import forget, owner_connection
from apps.isolation.strategy.databases import password_of
from apps.isolation.strategy.limits import limit_tenant
from apps.isolation.strategy.naming import PATTERN, physical_name
from apps.isolation.strategy.protocol import ProvisioningReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.utils import CursorWrapper

    from apps.isolation.context import Identified

NEEDS_STORAGE: Final = True
"""A tenant has no place for its rows until its database is made."""

LONGEST_NAME = 63
"""Maximum bytes of a name; PostgreSQL truncates longer ones."""


def provision(tenant: Identified) -> None:
    """Create the tenant's login role and database, unless they exist.

    The database is a copy of the template, which is much faster than running migrations. The next
    run completes one that was killed. Raises `ProvisioningError` without a template.
    """
    name = physical_name(tenant.id)
    with owner_connection() as connection, connection.cursor() as cursor:
        _lock(cursor, "pg_advisory_lock_shared", template_name())
        _require_template(cursor)
        _lock(cursor, "pg_advisory_lock", name)
        _make_role(cursor, name)
        _make_database(cursor, name)
    # Connect once as the tenant's role, so that a tenant that is reported as ready works.
    connections[name].ensure_connection()


def deprovision(tenant: Identified) -> None:
    """Drop the tenant's database, even with open connections, its role and its files.

    Does nothing if they do not exist.
    """
    name = physical_name(tenant.id)
    forget(name)
    with owner_connection() as connection, connection.cursor() as cursor:
        _lock(cursor, "pg_advisory_lock", name)
        _drop(cursor, name)
    delete_files(tenant)


def provisioning_report(tenant: Identified) -> ProvisioningReport:
    """Describe the tenant's database."""
    name = physical_name(tenant.id)
    with connections[SHARED_DB].cursor() as cursor:
        if not _exists(cursor, "SELECT FROM pg_database WHERE datname = %s", name):
            return ProvisioningReport(name=name, exists=False, tables=0, size=0)
    with activate_tenant(ActiveTenant(tenant.id)), connections[name].cursor() as cursor:
        cursor.execute(
            "SELECT count(*), pg_database_size(current_database()) FROM pg_tables "
            "WHERE schemaname = 'public'"
        )
        tables, size = cursor.fetchone() or (0, 0)
    return ProvisioningReport(name=name, exists=True, tables=tables, size=size)


@contextmanager
def owner_cursor(tenant: Identified) -> Iterator[CursorWrapper]:
    """Open a cursor of the owner in the tenant's database."""
    name = physical_name(tenant.id)
    with owner_connection(name) as connection, connection.cursor() as cursor:
        yield cursor


def wipe() -> None:
    """Delete all rows of the shared data and of every tenant."""
    with owner_connection() as connection, connection.cursor() as cursor:
        names = tenant_databases(cursor)
    for name in [shared_database_name(), *names]:
        with owner_connection(name) as connection, connection.cursor() as cursor:
            wipe_tables(cursor, schemas="^public$")


def template_name(shared: str = "") -> str:
    """Return the name of the template, which is copied for each new tenant."""
    return _beside(shared or shared_database_name(), "template")


def group_name(shared: str = "") -> str:
    """Return the name of the group role, which gives tenants' login roles their privileges.

    The tenants of a shared database are the members of its group.
    """
    return _beside(shared or shared_database_name(), "tenants")


def shared_database_name() -> str:
    """Return the name of the shared database, also without the owner's address."""
    owner, shared = (connections[alias].settings_dict["NAME"] for alias in (OWNER, SHARED_DB))
    return str(owner or shared)


def tenant_databases(cursor: CursorWrapper) -> list[str]:
    """Return the names of the databases of all tenants."""
    roles = _tenant_roles(cursor, group_name())
    cursor.execute("SELECT datname FROM pg_database WHERE datname = ANY (%s) ORDER BY 1", [roles])
    return [name for (name,) in cursor.fetchall()]


def prepare_shared(cursor: CursorWrapper) -> None:
    """Create what all tenants need: grants in the shared database, the group, the template."""
    shared, group, template = shared_database_name(), group_name(), template_name()
    cursor.execute(grants_on_tables(runtime_role()))
    set_limits(cursor, shared)
    _close_to_public(cursor, shared)
    cursor.execute(f"GRANT CONNECT ON DATABASE {_quoted(shared)} TO {runtime_role()}")
    if not _exists(cursor, "SELECT FROM pg_roles WHERE rolname = %s", group):
        _run(cursor, "CREATE ROLE {} NOLOGIN", group)
    if not _exists(cursor, "SELECT FROM pg_database WHERE datname = %s", template):
        _run(cursor, "CREATE DATABASE {}", template)
    _close_to_public(cursor, template)


@contextmanager
def open_template(cursor: CursorWrapper) -> Iterator[str]:
    """Let the owner connect to the template within the block, and prevent copies meanwhile.

    After an error, or with unapplied migrations, it stays open. An open template is unfinished and
    is not copied.
    """
    template = template_name()
    _lock(cursor, "pg_advisory_lock", template)
    _run(cursor, "ALTER DATABASE {} ALLOW_CONNECTIONS true", template)
    with owner_connection(template) as connection, connection.cursor() as inside:
        inside.execute(grants_on_tables(_quoted(group_name())))
    yield template
    with owner_connection(template) as connection, as_owner(connection.alias):
        with connection.cursor() as inside:
            # Delete rows of data migrations, since a new tenant starts empty.
            wipe_tables(inside, schemas="^public$")
        finished = is_fully_migrated(connection)
    if finished:
        _run(cursor, "ALTER DATABASE {} ALLOW_CONNECTIONS false", template)
    _lock(cursor, "pg_advisory_unlock", template)


def drop_databases(shared: str) -> None:
    """Drop all tenants' databases and roles of a shared database; for test databases."""
    group, template = group_name(shared), template_name(shared)
    with owner_connection("postgres") as connection, connection.cursor() as cursor:
        for role in _tenant_roles(cursor, group):
            forget(role)
            _drop(cursor, role)
        _drop_database(cursor, template)
        _run(cursor, "DROP ROLE IF EXISTS {}", group)


def _require_template(cursor: CursorWrapper) -> None:
    """Raise `ProvisioningError` unless ``migrate`` has created and finished the template."""
    finished = "SELECT FROM pg_database WHERE datname = %s AND NOT datallowconn"
    if not _exists(cursor, finished, template_name()):
        message = f"The database {template_name()} is not migrated: run manage.py migrate first."
        raise ProvisioningError(message)


def _make_role(cursor: CursorWrapper, name: str) -> None:
    if not _exists(cursor, "SELECT FROM pg_roles WHERE rolname = %s", name):
        # Only a member of a role may end its connections, as dropping its database requires.
        _run(cursor, "CREATE ROLE {} IN ROLE {} ROLE CURRENT_USER", name, group_name())
    # Hashed here, so that the server's log does not contain it.
    password, role = password_of(name).encode(), name.encode()
    hashed = cursor.connection.pgconn.encrypt_password(password, role, b"scram-sha-256")
    cursor.execute(f"ALTER ROLE {_quoted(name)} LOGIN PASSWORD %s", [hashed.decode()])


def _make_database(cursor: CursorWrapper, name: str) -> None:
    if not _exists(cursor, "SELECT FROM pg_database WHERE datname = %s", name):
        _run(cursor, "CREATE DATABASE {} TEMPLATE {}", name, template_name())
    limit_tenant(cursor, name)
    _close_to_public(cursor, name)
    _run(cursor, "GRANT CONNECT ON DATABASE {} TO {}", name, name)


def _drop(cursor: CursorWrapper, name: str) -> None:
    if _exists(cursor, "SELECT FROM pg_roles WHERE rolname = %s", name):
        _run(cursor, "ALTER ROLE {} NOLOGIN", name)
    # Drop the role last: an interrupted run finds the database by its role.
    _drop_database(cursor, name)
    _run(cursor, "DROP ROLE IF EXISTS {}", name)


def _drop_database(cursor: CursorWrapper, name: str) -> None:
    """Drop a database, even with open connections.

    It terminates the sessions and waits for them. WITH (FORCE) would fail while autovacuum works
    in the database, which a plain DROP ends.
    """
    cursor.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = %s AND pg_has_role(usesysid, 'MEMBER')",
        [name],
    )
    _run(cursor, "DROP DATABASE IF EXISTS {}", name)


def _close_to_public(cursor: CursorWrapper, database: str) -> None:
    """Revoke the right of all roles to connect, which PostgreSQL grants by default."""
    _run(cursor, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)


def _tenant_roles(cursor: CursorWrapper, group: str) -> list[str]:
    cursor.execute(
        "SELECT DISTINCT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member "
        "WHERE m.roleid = to_regrole(quote_ident(%s)) AND r.rolname ~ %s ORDER BY 1",
        [group, PATTERN],
    )
    return [name for (name,) in cursor.fetchall()]


def _beside(shared: str, what: str) -> str:
    """Return a name with the shared database's name as its prefix; raise if it is too long."""
    name = f"{shared}_{what}"
    if len(name.encode()) > LONGEST_NAME:
        message = f"The name {name} is too long for PostgreSQL: give the database a shorter one."
        raise ProvisioningError(message)
    return name


def _exists(cursor: CursorWrapper, query: LiteralString, name: str) -> bool:
    cursor.execute(query, [name])
    return cursor.fetchone() is not None


def _lock(cursor: CursorWrapper, function: LiteralString, name: str) -> None:
    """Take or release a lock, which ends with the connection at the latest."""
    cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name])


def _run(cursor: CursorWrapper, statement: LiteralString, *names: str) -> None:
    cursor.execute(SQL(statement).format(*map(Identifier, names)))


def _quoted(name: str) -> str:
    return connections[OWNER].ops.quote_name(name)
