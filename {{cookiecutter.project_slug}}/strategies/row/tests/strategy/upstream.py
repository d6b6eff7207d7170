"""An app that knows nothing of tenants, whose migrations run over tenants' rows."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections, migrations
from django.db.migrations.state import ProjectState

from apps.isolation import ActiveTenant
from apps.isolation.app_registry import OWNER, as_owner, models_of
from apps.isolation.checks import violations
from apps.isolation.context import activate_tenant

LABEL = "sample"


class Upstream:
    """Applies operations as migrations, and unapplies them."""

    def __init__(self) -> None:
        real = {"tenants", "authentication", "contenttypes", "auth"}
        self.state = ProjectState(real_apps=real)
        self._applied: list[tuple[Any, ProjectState]] = []

    def apply(self, *operations: Any) -> None:
        """Apply operations as one migration."""
        body = {"operations": [*operations]}
        migration = type("Migration", (migrations.Migration,), body)("more", LABEL)
        before = self.state.clone()
        with as_owner(), connections[OWNER].schema_editor() as editor:
            self.state = migration.apply(self.state.clone(), editor)
        self._applied.append((migration, before))

    def unapply(self) -> None:
        """Unapply the last migration."""
        migration, before = self._applied.pop()
        with as_owner(), connections[OWNER].schema_editor() as editor:
            migration.unapply(before.clone(), editor)
        self.state = before

    def violations(self) -> list[str]:
        """Return the violations of invariants in this app's tables."""
        with models_of(self.state.apps):
            found = violations()
        # This state lacks the models of the code, so their tables would count as misplaced.
        return [each for each in found if "every table is a model's" not in each]

    def drop(self) -> None:
        """Drop all tables."""
        tables = [
            model._meta.db_table
            for model in self.state.apps.get_models(include_auto_created=True)
            if model._meta.app_label == LABEL
        ]
        for table in tables:
            as_the_owner(f'DROP TABLE IF EXISTS "{table}" CASCADE')


@pytest.fixture
def upstream(transactional_db: None) -> Iterator[Upstream]:
    """Return the app without tables."""
    app = Upstream()
    yield app
    app.drop()


def as_the_owner(sql: str, *params: Any) -> list[Any]:
    """Run a statement as the owner of the tables; return its rows."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def as_tenant(tenant: Any, sql: str, *params: Any) -> list[Any]:
    """Run a statement as the run-time role in a tenant; return its rows."""
    with activate_tenant(ActiveTenant(tenant.id)), connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []
