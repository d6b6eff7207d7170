"""Grants of the tables' owner to the run-time role."""

from typing import Final

from django.db import connections

from apps.isolation.app_registry import SHARED_DB


def runtime_role() -> str:
    """Return the run-time role's name, quoted."""
    connection = connections[SHARED_DB]
    return connection.ops.quote_name(connection.settings_dict["USER"])


PROTECT_MIGRATIONS: Final = """
    DO $$ DECLARE given record; BEGIN
        FOR given IN
            SELECT DISTINCT c.oid::regclass AS place, a.grantee::regrole AS role
            FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.relname = 'django_migrations' AND c.relkind IN ('r', 'p')
                AND a.grantee NOT IN (0, c.relowner) AND pg_has_role(c.relowner, 'USAGE')
                AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')
        LOOP
            EXECUTE format(
                'REVOKE INSERT, UPDATE, DELETE ON %s FROM %s', given.place, given.role);
        END LOOP;
    END $$
"""
"""Statement that leaves write access to ``django_migrations`` to the owner."""


def grants_on_tables(role: str) -> str:
    """Return statements that grant ``role`` the rows of all future tables, and nothing else.

    They also revoke the right of all roles to create temporary tables, which hide other tables and
    outlive the request.
    """
    return f"""
        DO $$ BEGIN
            EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
        END $$;
        GRANT USAGE ON SCHEMA public TO {role};
        ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
        ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO {role};
    """
