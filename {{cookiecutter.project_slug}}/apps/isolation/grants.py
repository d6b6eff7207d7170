"""What the owner of the tables lets the run-time role do with them."""

from django.db import connections

from apps.isolation.placement import CATALOGUE


def run_time_role() -> str:
    """Return the run-time role's name, quoted."""
    connection = connections[CATALOGUE]
    return connection.ops.quote_name(connection.settings_dict["USER"])


def grants_on_tables(role: str) -> str:
    """Return statements that give ``role`` the rows of all tables to come, and no more."""
    return f"""
        GRANT USAGE ON SCHEMA public TO {role};
        ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
        ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO {role};
    """
