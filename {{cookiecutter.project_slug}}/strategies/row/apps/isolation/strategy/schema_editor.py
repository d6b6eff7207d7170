"""The owner's schema editor and introspection, which hide the tenant from migrations.

They use undocumented names of Django, which its stubs omit (docs/third-party-apps.md lists them).
"""

import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import transaction
from django.db.backends.ddl_references import Statement
from django.db.backends.postgresql.introspection import DatabaseIntrospection
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.backends.utils import CursorWrapper
from django.db.models import BaseConstraint, Model

from apps.isolation.app_registry import is_tenant_model, tables
from apps.isolation.fields import ModelField, Reference
from apps.isolation.strategy.convergence import converge, explained
from apps.isolation.strategy.policies import TENANT_SETTING, has_policies

if TYPE_CHECKING:
    from django.db.backends.base.introspection import _ConstraintDict as Constraint

TENANT = "tenant_id"
TENANT_COLUMN = {
    True: ("DROP DEFAULT", "SET NOT NULL"),
    False: (f"SET DEFAULT {TENANT_SETTING}", "DROP NOT NULL"),
}
"""Changes of the tenant's column: to that of a TenantModel (True), or of a plain model."""


class TenantIntrospection(DatabaseIntrospection):
    """Reports constraints of tenant tables without the tenant's column.

    So a migration that was written for plain tables finds the constraints that it changes.
    """

    def get_constraints(self, cursor: CursorWrapper, table_name: str) -> "dict[str, Constraint]":
        """Return the constraints and indexes, without the tenant's column and its foreign key."""
        constraints = super().get_constraints(cursor, table_name)
        if not has_policies(cursor, table_name):
            return constraints
        for constraint in constraints.values():
            _leave_out_tenant(constraint)
        keys = [each["columns"] for each in constraints.values() if each["primary_key"]]
        return {
            name: each
            for name, each in constraints.items()
            if each["primary_key"] or not (each["unique"] and each["columns"] in keys)
        }


def _leave_out_tenant(constraint: "Constraint") -> None:
    kept = _without_tenant(constraint["columns"])
    if len(kept) == len(constraint["columns"]):
        return
    pairs = zip(constraint["columns"], constraint.get("orders") or [], strict=False)
    if "orders" in constraint:
        constraint["orders"] = [order for column, order in pairs if column in kept]
    constraint["columns"] = kept


def _is_tenant(model: type[Model], field: ModelField) -> bool:
    return field.column == TENANT and is_tenant_model(model)


def _without_tenant(columns: Sequence[str]) -> list[str]:
    """Return the columns without the tenant's, unless it is the only one."""
    return [name for name in columns if name != TENANT or len(columns) == 1]


class TenantSchemaEditor(DatabaseSchemaEditor):
    """Creates tenant tables, columns and constraints with the tenant.

    `converge` would add the tenant later. But then a unique constraint over equal rows of two
    tenants would fail first.
    """

    # A foreign key in a column's definition cannot include the tenant.
    sql_create_column_inline_fk: Any = None
    deferred_sql: list[Statement]

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Converge all tenant tables before the migration is committed."""
        if exc_type is None:
            try:
                self._finish()
            except BaseException:
                super().__exit__(*sys.exc_info())
                raise
        super().__exit__(exc_type, exc_value, traceback)

    def _finish(self) -> None:
        if self.collect_sql:
            return
        with transaction.atomic(self.connection.alias):
            # A table with pending checks of foreign keys cannot be altered.
            self.execute("SET CONSTRAINTS ALL IMMEDIATE", None)
            names = tables(of_tenants=True)
            if self.deferred_sql:
                self._converge(names, is_whole=False)
            deferred, self.deferred_sql = self.deferred_sql, []
            for statement in deferred:
                self.execute(statement, None)
            self._converge(names)

    def _converge(self, names: Iterable[str], *, is_whole: bool = True) -> None:
        with self.connection.cursor() as cursor:
            converge(cursor, names, is_whole=is_whole)

    def create_model(self, model: type[Model]) -> None:
        """Create the table with the tenant, before it has rows."""
        super().create_model(model)
        self._converge_table_of(model)

    def add_field(self, model: type[Model], field: ModelField) -> None:
        """Add the column; make it unique within a tenant, if it is unique."""
        if _is_tenant(model, field):
            # A migration with circular references adds the field after the table has the column.
            self._keep_tenant(model, is_required=not field.null)
            return
        super().add_field(model, field)
        if field.unique:
            self._converge_table_of(model)

    def remove_field(self, model: type[Model], field: ModelField) -> None:
        """Drop the column, but keep the tenant's: the rows stay the tenant's."""
        if _is_tenant(model, field):
            self._keep_tenant(model, is_required=False)
            return
        super().remove_field(model, field)

    def add_constraint(self, model: type[Model], constraint: BaseConstraint) -> None:
        """Create a constraint; an exclusion constraint excludes within a tenant."""
        if not isinstance(constraint, ExclusionConstraint) or not is_tenant_model(model):
            super().add_constraint(model, constraint)
            return
        statement: Any = constraint.create_sql(model, self)
        parts = statement.parts["constraint"].parts
        if f'"{TENANT}"' not in str(parts["expressions"]):
            parts["expressions"] = _Columns("{tenant} WITH =, {columns}", parts["expressions"])
        with explained(str(statement)):
            self.execute(statement, None)

    def _keep_tenant(self, model: type[Model], *, is_required: bool) -> None:
        table = self.quote_name(model._meta.db_table)
        for change in TENANT_COLUMN[is_required]:
            self.execute(f"ALTER TABLE {table} ALTER COLUMN {TENANT} {change}", None)

    def _converge_table_of(self, model: type[Model]) -> None:
        if is_tenant_model(model) and not self.collect_sql:
            self._converge([model._meta.db_table], is_whole=False)

    def _create_unique_sql(self, model: type[Model], *args: object, **kwargs: object) -> Any:
        statement = super()._create_unique_sql(model, *args, **kwargs)  # type: ignore[misc]
        if statement and is_tenant_model(model):
            columns = statement.parts["columns"]
            if f'"{TENANT}"' not in str(columns):
                statement.parts["columns"] = _Columns("{tenant}, {columns}", columns)
        return statement

    def _create_fk_sql(self, model: type[Model], field: Reference, suffix: str) -> Any:
        statement = super()._create_fk_sql(model, field, suffix)  # type: ignore[misc]
        if is_tenant_model(model) and is_tenant_model(field.target_field.model):
            parts = statement.parts
            for name in ("column", "to_column"):
                parts[name] = _Columns("{columns}, {tenant}", parts[name])
            if "SET " in str(parts["on_delete_db"]):
                parts["on_delete_db"] = f"{parts['on_delete_db']} ({self.quote_name(field.column)})"
        return statement

    def _constraint_names(
        self, model: type[Model], column_names: Sequence[str] | None = None, **kwargs: object
    ) -> list[str]:
        if column_names is not None and is_tenant_model(model):
            column_names = _without_tenant(column_names)
        names: list[str] = super()._constraint_names(model, column_names, **kwargs)  # type: ignore[misc]
        return names


class _Columns:
    """Columns of a statement, printed with the tenant's; otherwise like Django's."""

    def __init__(self, template: str, columns: object) -> None:
        self._template, self._columns = template, columns

    def __str__(self) -> str:
        return self._template.format(columns=self._columns, tenant=f'"{TENANT}"')

    def __getattr__(self, name: str) -> object:
        return getattr(self._columns, name)
