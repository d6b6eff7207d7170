"""Row-level security and composite keys, which every tenant model gets by itself."""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor as SchemaEditor
from django.db.backends.utils import names_digest
from django.db.models.fields.related import lazy_related_operation
from django.db.models.options import Options

from apps.isolation.postgresql.constraints import TableConstraint
from apps.isolation.postgresql.grants import runtime_role

PREDICATE = "tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')::uuid)"
"""True for the active tenant's rows; for none without a tenant.

In a sub-select, which PostgreSQL evaluates once a query and not once a row.
"""


class RowLevelSecurity(TableConstraint):
    """Policies by which the run-time role reads and writes the active tenant's rows only.

    The owner has a policy of its own, without which its migrations would find the table empty;
    a role that has none finds nothing. FORCE, since an owner is otherwise above all policies.
    """

    def statements(self, model: type[models.Model], schema_editor: SchemaEditor) -> str:
        """Return the statements; the policies of one table bear its constraint's name."""
        quote = schema_editor.quote_name
        table, role = quote(model._meta.db_table), runtime_role()
        return f"""
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
            CREATE POLICY {quote(f"{self.name}_owner")} ON {table} TO CURRENT_USER USING (true);
            CREATE POLICY {quote(f"{self.name}_all")} ON {table} TO {role} USING (true);
            CREATE POLICY {quote(self.name)} ON {table} AS RESTRICTIVE TO {role}
                USING ({PREDICATE}) WITH CHECK ({PREDICATE})
        """

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        """Return statements that remove the policies, after which nobody sees the rows."""
        quote = schema_editor.quote_name
        names = [quote(f"{self.name}{suffix}") for suffix in ("_owner", "_all", "")]
        table = quote(model._meta.db_table)
        return ";".join(f"DROP POLICY {name} ON {table}" for name in names)


class CompositeForeignKey(TableConstraint):
    """A foreign key that includes the tenant: (tenant, project) refers to (tenant, id).

    PostgreSQL checks foreign keys past all policies, so a key without the tenant would accept a
    row of another. Checked at COMMIT, as Django's own keys are: it deletes rows in batches, in an
    order that keeps to no key. In a test, `check_keys_at_once` brings the error to its cause.
    """

    def __init__(self, *, field: str, name: str) -> None:
        self.field = field
        super().__init__(name=name)

    def deconstruct(self) -> tuple[str, tuple[object, ...], dict[str, object]]:
        """Add the field's name to what a migration writes down."""
        path, args, kwargs = super().deconstruct()
        return path, tuple(args), {**kwargs, "field": self.field}

    def statements(self, model: type[models.Model], schema_editor: SchemaEditor) -> str:
        """Return the statement; DELETE is Django's to follow up, as with all of its keys."""
        quote = schema_editor.quote_name
        field: Any = model._meta.get_field(self.field)
        target = field.related_model
        return f"""
            ALTER TABLE {quote(model._meta.db_table)} ADD CONSTRAINT {quote(self.name)}
            FOREIGN KEY (tenant_id, {quote(field.column)})
            REFERENCES {quote(target._meta.db_table)} (tenant_id, {quote(target._meta.pk.column)})
            DEFERRABLE INITIALLY DEFERRED
        """

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        """Return the statement that drops the key."""
        quote = schema_editor.quote_name
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self.name)}"


def add_tenant_constraints(model: type[models.Model]) -> None:
    """Give a tenant model its policies and keys; called as soon as its class is made."""
    options = model._meta
    # Relations and saving go by the base manager: they must not reach further than the others.
    options.base_manager_name = "all_rows"
    _add(options, "constraints", RowLevelSecurity(name=_name(options, "tenant")))
    # What composite foreign keys refer to.
    pair = models.UniqueConstraint(fields=["tenant", "id"], name=_name(options, "tenant", "id"))
    _add(options, "constraints", pair)
    for field in options.local_fields:
        if isinstance(field, models.ForeignKey) and field.name != "tenant":
            _add_composite_key(options, field)


def _add_composite_key(options: Options[models.Model], field: Any) -> None:
    if field.db_index and not field.unique:
        field.db_index = False
        name = _name(options, field.name, limit=models.Index.max_name_length)
        _add(options, "indexes", models.Index(fields=["tenant", field.name], name=name))

    def add_key(model: type[models.Model], target: type[models.Model]) -> None:
        if any(getattr(other, "references_own_tenant", False) for other in target._meta.fields):
            field.db_constraint = False
            name = _name(options, field.name, "tenant")
            _add(options, "constraints", CompositeForeignKey(field=field.name, name=name))

    lazy_related_operation(add_key, field.model, field.remote_field.model)


def _add(options: Options[models.Model], option: str, value: object) -> None:
    """Add to a model's options in a way that migrations detect."""
    values = [*getattr(options, option), value]
    setattr(options, option, values)
    options.original_attrs[option] = values


def _name(options: Options[models.Model], *parts: str, limit: int = 63) -> str:
    """Return a descriptive name, shortened with a hash to the allowed length."""
    name = "_".join([options.db_table, *parts])
    if len(name) <= limit - len("_owner"):
        return name
    digest = names_digest(name, length=8)
    return f"{name[: limit - len('_owner') - 9]}_{digest}"
