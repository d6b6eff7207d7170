"""The tables of a tenant: their columns, keys and order, from the models' declarations."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import connection
from django.db.models import AutoField, FileField, Model
from django.db.models.deletion import DatabaseOnDelete

from apps.isolation.app_registry import is_tenant_model, tenant_models_with_tables
from apps.portability.documents import Layout, hash_of

NATIVE = frozenset({"smallint", "integer", "bigint", "boolean"})
"""Types that JSON can represent. Values of all others are written as PostgreSQL's text."""

PARSED = frozenset({"json", "jsonb"})
"""Types whose text would be a JSON string, if PostgreSQL read them from JSON."""


ORDERED = frozenset({"uuid", "smallint", "integer", "bigint"})
"""Types whose values have the same order on every server."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and the model whose keys it contains, if these can differ between installations."""

    name: str
    type: str
    null: bool
    refers: str = ""
    default: object = None
    can_be_omitted: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a tenant."""

    label: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    owner: str
    """Column of the owning tenant, if the model declares one."""
    number: str
    """Column of a primary key that PostgreSQL counts up; empty for other keys."""
    files: tuple[str, ...]
    generics: tuple[tuple[str, str], ...]
    """Pairs of columns of generic relations: content type, and key."""
    needs: frozenset[str] = field(compare=False)
    """Labels of the tables to which this one refers."""
    cascades: frozenset[str] = field(default=frozenset(), compare=False)
    """Labels of the tables whose deletions PostgreSQL itself extends to this one."""

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    @property
    def ordered_key(self) -> str:
        """The column whose values two installations compare by ranges; empty if there is none.

        The order of texts depends on the server, and keys may differ between installations.
        """
        own = [column for column in self.columns if column.name in self.key]
        is_ordered = len(own) == 1 and own[0].type in ORDERED and not own[0].refers
        return own[0].name if is_ordered and not self.number else ""

    def type_of(self, name: str) -> str:
        """Return the type of a column in PostgreSQL."""
        return next(column.type for column in self.columns if column.name == name)

    def columns_named(self, names: Iterable[str]) -> list[Column]:
        """Return these columns by name, in alphabetical order."""
        wanted = set(names)
        return [column for column in self.columns if column.name in wanted]


def tenant_tables() -> dict[str, Table]:
    """Return the tables of a tenant by the label of their model, in alphabetical order."""
    found = sorted(map(_table_of, tenant_models_with_tables()), key=lambda table: table.label)
    numbered = frozenset(table.label for table in found if table.number)
    # A generic relation can name a row of any of them, whose number may change.
    return {
        table.label: replace(table, needs=table.needs | numbered) if table.generics else table
        for table in found
    }


def unmanaged_tables() -> list[str]:
    """Return the labels of tenant models whose tables Django does not make, views excluded."""
    models = [
        each
        for each in apps.get_models()
        if is_tenant_model(each) and not (each._meta.managed or each._meta.proxy)
    ]
    with connection.cursor() as cursor:
        present = connection.introspection.table_names(cursor)
    return [each._meta.label_lower for each in models if each._meta.db_table in present]


def components(tables: Mapping[str, Table]) -> list[list[Table]]:
    """Return the tables in groups that refer to each other, after the groups that they refer to."""
    reached = {label: _reach(label, tables) for label in tables}
    groups: dict[frozenset[str], list[Table]] = {}
    for label, table in tables.items():
        ring = frozenset(each for each in reached[label] if label in reached[each]) | {label}
        groups.setdefault(ring, []).append(table)
    return sorted(groups.values(), key=lambda group: _rank(group, reached))


def layout_of(tables: Mapping[str, Table]) -> Layout:
    """Return the columns of tables, without the tenant's, as archives contain them."""
    return {
        label: {column.name: (column.type, column.null) for column in table.columns}
        for label, table in tables.items()
    }


def fingerprint(layout: Layout) -> str:
    """Return a hash over tables and columns, which is the same for all strategies."""
    return hash_of(json.dumps(layout, sort_keys=True, separators=(",", ":")).encode())


def _rank(group: list[Table], reached: Mapping[str, set[str]]) -> tuple[int, str]:
    return len(reached[group[0].label] | {each.label for each in group}), group[0].label


def _reach(label: str, tables: Mapping[str, Table]) -> set[str]:
    found: set[str] = set()
    waiting = [label]
    while waiting:
        # An archive of an earlier release may lack a table to which one of them refers.
        new = (tables[waiting.pop()].needs & tables.keys()) - found
        found |= new
        waiting += new
    return found


def _table_of(model: type[Model]) -> Table:
    options: Any = model._meta
    fields = [each for each in options.local_concrete_fields if not each.generated]
    owners = [each for each in fields if getattr(each, "references_own_tenant", False)]
    own: list[Any] = [each for each in fields if each not in owners]
    number = str(options.pk.column) if isinstance(options.pk, AutoField) else ""
    return Table(
        label=options.label_lower,
        name=connection.ops.quote_name(options.db_table),
        columns=tuple(sorted(map(_column, own), key=lambda column: column.name)),
        key=tuple(each.column for each in options.pk_fields),
        owner=owners[0].column if owners else "",
        number=number,
        files=tuple(str(each.column) for each in own if isinstance(each, FileField)),
        generics=tuple(_generics(options)),
        needs=frozenset(_needs(own)),
        cascades=frozenset(_cascades(own)),
    )


def _column(of: Any) -> Column:
    is_computed = of.has_default() and callable(of.default)
    has_default = of.has_db_default() or (of.has_default() and not is_computed)
    is_empty = of.empty_strings_allowed and of.blank and not of.remote_field
    default = None if of.has_db_default() or is_computed else of.get_default()
    return Column(
        name=of.column,
        type=of.db_type(connection),
        null=of.null,
        refers=_refers(of),
        default=default,
        can_be_omitted=bool(of.null or has_default or is_empty),
    )


def _refers(of: Any) -> str:
    """Return the label of the model whose keys a field contains, or an empty text.

    These are models of shared data, and models whose keys PostgreSQL counts up.
    """
    while of.remote_field:
        of = of.target_field
    is_kept = is_tenant_model(of.model) and not isinstance(of, AutoField)
    return "" if is_kept or not of.primary_key else of.model._meta.label_lower


def _generics(options: Any) -> Iterator[tuple[str, str]]:
    for each in options.private_fields:
        if isinstance(each, GenericForeignKey):
            kind, key = (options.get_field(name) for name in (each.ct_field, each.fk_field))
            yield kind.column, key.column


def _needs(fields: Iterable[Any]) -> Iterator[str]:
    for each in fields:
        if each.remote_field and is_tenant_model(each.related_model):
            yield each.related_model._meta.label_lower


def _cascades(fields: Iterable[Any]) -> Iterator[str]:
    for each in fields:
        if each.remote_field and isinstance(each.remote_field.on_delete, DatabaseOnDelete):
            yield each.related_model._meta.label_lower
