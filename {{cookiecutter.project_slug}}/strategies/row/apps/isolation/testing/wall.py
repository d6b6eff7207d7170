"""Questions to this wall, and ways to break it, for the tests of the wall."""

from contextlib import AbstractContextManager
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation.constraints import PREDICATE
from apps.isolation.grants import run_time_role
from apps.isolation.testing.probe import WallProbe, hole, hole_of_powers


def wall_probe() -> WallProbe:
    """Ask the database who is asking, and for whom."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('app.tenant', true)")
        role, tenant = cursor.fetchone() or ("", "")
    return WallProbe(role, UUID(tenant) if tenant else None)


def break_wall(name: str) -> AbstractContextManager[None]:
    """Make the hole that the guard called ``name`` is there to find, and mend it afterwards."""
    role = run_time_role()
    make, mend = {
        "the run-time role has no powers": hole_of_powers(),
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
    }[name]
    return hole(make, mend)
