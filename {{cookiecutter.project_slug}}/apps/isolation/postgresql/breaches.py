"""Breaches of the invariants that every strategy has, for tests."""

from apps.isolation.context import ActiveTenant
from apps.isolation.postgresql.grants import runtime_role
from apps.isolation.postgresql.invariants import POWERS, Breach, select_violations

_UNGRANTABLE = (
    "is a superuser",
    "bypasses policies",
    "creates roles",
    "creates databases",
    "replicates",
    "makes large objects",
)
"""Powers that the owner cannot grant. A superuser has all of them."""


def breaches_of_powers(
    role: str = "", table: str = "django_session", tenant: ActiveTenant | None = None
) -> dict[str, Breach]:
    """Return a breach for each clause of `POWERS`, for a role and a table that it may use."""
    (superuser, *_) = select_violations("SELECT rolname FROM pg_roles WHERE rolsuper")
    (owner, *_) = select_violations(
        "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'django_session'"
    )
    breaches = {name: Breach(examine=superuser) for name in _UNGRANTABLE} | {
        "owns objects": Breach(examine=owner),
        "is a member of roles": Breach(examine="pg_monitor"),
        **_breaches_by_grants(role or runtime_role(), table, tenant),
    }
    return {name: breaches[name] for name in POWERS}


def _breaches_by_grants(role: str, table: str, tenant: ActiveTenant | None) -> dict[str, Breach]:
    (database, *_) = select_violations("SELECT quote_ident(current_database())")
    column = "session_key"
    if tenant:  # its database has the role's name
        database, column = role, "id"

    def granted(right: str) -> Breach:
        return Breach(f"GRANT {right} TO {role}", f"REVOKE {right} FROM {role}", tenant)

    return {
        "creates in schemas": granted("CREATE ON SCHEMA public"),
        "creates schemas": granted(f"CREATE ON DATABASE {database}"),
        "makes temporary tables": granted(f"TEMPORARY ON DATABASE {database}"),
        "more than rows of tables": granted(f"TRUNCATE ON {table}"),
        "more than rows of columns": granted(f"REFERENCES ({column}) ON {table}"),
        "more than the next value of a sequence": granted(
            "UPDATE ON SEQUENCE django_migrations_id_seq"
        ),
        "grants to others": Breach(
            f"GRANT SELECT ON {table} TO {role} WITH GRANT OPTION",
            f"REVOKE GRANT OPTION FOR SELECT ON {table} FROM {role}",
            tenant,
        ),
        "is granted other objects": Breach(
            "CREATE FUNCTION breach() RETURNS text LANGUAGE sql RETURN 'x';"
            f"GRANT EXECUTE ON FUNCTION breach TO {role}",
            "DROP FUNCTION breach",
            tenant,
        ),
        "writes which migrations are applied": granted("INSERT ON django_migrations"),
    }


def breach_of_functions(tenant: ActiveTenant | None = None) -> Breach:
    """Return a breach by a function that runs with its owner's rights."""
    return Breach(
        "CREATE FUNCTION breach() RETURNS text SECURITY DEFINER LANGUAGE sql RETURN 'x'",
        "DROP FUNCTION breach",
        tenant,
    )
