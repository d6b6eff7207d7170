"""Questions to this wall, and ways to break it, for the tests of the wall."""

from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.constraints import PREDICATE
from apps.isolation.grants import run_time_role

IDS_ARE_UNIQUE_AMONG_TENANTS = True
"""All tenants' rows are in the same tables, so no two of them have the same id."""


def who_is_asking() -> tuple[str, UUID | None]:
    """Return the role and the tenant of the run-time connection, as the database sees them."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('app.tenant', true)")
        role, tenant = cursor.fetchone() or ("", "")
    return role, UUID(tenant) if tenant else None


def holes() -> dict[str, tuple[str, str]]:
    """Return, for each guard, the statements that make and mend the hole that it must find."""
    role = run_time_role()
    return {
        "policies are on every tenant table": (
            "ALTER TABLE projects_task DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE projects_task ENABLE ROW LEVEL SECURITY",
        ),
        "policies are for the run-time role": (
            "ALTER POLICY projects_task_tenant ON projects_task TO CURRENT_USER",
            f"ALTER POLICY projects_task_tenant ON projects_task TO {role}",
        ),
        "policies hold for owners too": (
            "ALTER TABLE projects_task NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE projects_task FORCE ROW LEVEL SECURITY",
        ),
        "no policy lets other rows through": (
            "ALTER POLICY projects_task_tenant ON projects_task USING (true)",
            f"ALTER POLICY projects_task_tenant ON projects_task USING ({PREDICATE})",
        ),
        "keys between tenant tables take the tenant along": (
            "ALTER TABLE projects_task ADD FOREIGN KEY (project_id) REFERENCES projects_project",
            "ALTER TABLE projects_task DROP CONSTRAINT projects_task_project_id_fkey",
        ),
        "values are unique within a tenant": (
            "CREATE UNIQUE INDEX hole ON projects_task (title)",
            "DROP INDEX hole",
        ),
    }
