"""Grants of the tables' owner to the run-time role."""

from django.db import connections

from apps.isolation.app_registry import SHARED_DB


def runtime_role() -> str:
    """Return the run-time role's name, quoted."""
    connection = connections[SHARED_DB]
    return connection.ops.quote_name(connection.settings_dict["USER"])


def grants_on_tables(role: str) -> str:
    """Return statements that give ``role`` the rows of all tables to come, and no more.

    What PostgreSQL lets everybody do in a new database is taken back: temporary tables come before
    all others in a search, and outlive the request.
    """
    return f"""
        DO $$ BEGIN
            EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
        END $$;
        GRANT USAGE ON SCHEMA public TO {role};
        ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
        ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO {role};
    """
