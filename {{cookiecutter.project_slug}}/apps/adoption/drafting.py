"""Drafts a plan from the tables and columns of a source that have the names of models here."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db.models import UUIDField

from apps.isolation.app_registry import is_tenant_model, tenant_models_with_tables
from apps.portability.tables import tenant_tables

OWNERS: Final = ("tenant_id", "customer_id", "organization_id", "company_id", "account_id")
"""Columns that often contain the customer of a row."""

COLUMNS: Final = """
SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, NULL) AS type
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
AND pg_table_is_visible(c.oid) AND c.relnamespace <> 'pg_catalog'::regnamespace
ORDER BY 1, a.attnum
"""
_INTEGERS: Final = frozenset({"smallint", "integer", "bigint"})

_START: Final = """\
# How the rows of a source become those of tenants (docs/adoption.md). Expressions are its SQL.
source = {source}
# Fixed: the next run gives rows the same keys.
run = "{run}"

[tenants]
query = "SELECT id AS key, slug, name FROM {tenants}"

# Each user whom the tenant's rows name. Only members have a role: viewer, member, admin or owner.
[users]
query = \"""
SELECT {user} AS id, email, first_name || ' ' || last_name AS full_name,
  CASE WHEN is_superuser THEN 'owner' ELSE 'member' END AS role
FROM {users}
WHERE TRUE  -- ???: those of %(key)s
\"""
"""


@dataclass(frozen=True)
class _Match:
    """A model, and the table of the source with its rows."""

    model: Any
    table: str
    columns: Mapping[str, str]


def draft(rows: list[dict[str, Any]], source: str) -> str:
    """Return a plan to complete, from the rows of `COLUMNS`."""
    tables: dict[str, dict[str, str]] = {}
    for row in rows:
        tables.setdefault(row["table"], {})[row["column"]] = row["type"]
    matches = [found for model in tenant_models_with_tables() if (found := _match(model, tables))]
    users = next((name for name in tables if name.endswith("_user")), "auth_user")
    counted = [each.table for each in matches if _is_counted(each)]
    ids = {name: number for number, name in enumerate(sorted({users, *counted}), 1)}
    customers = next((name for name in tables if name.endswith(("_customer", "_tenant"))), "???")
    values = {"run": secrets.token_hex(4), "tenants": customers, "users": users}
    start = _START.format(source=json.dumps(source), user=f"id({users}, id)", **values)
    lines = [start, "# Numbers in keys that are made from the integers of a table.", "[ids]"]
    lines += [f"{name} = {number}" for name, number in ids.items()]
    for each in matches:
        lines += ["", *_section(each, {m.model: m for m in matches}, ids)]
    return "\n".join(lines) + "\n"


def _match(model: Any, tables: Mapping[str, dict[str, str]]) -> _Match | None:
    """Return the source's table of a model: of the same name, or with the model's as its last."""
    options = model._meta
    names = [options.db_table, options.model_name]
    names += [name for name in tables if name.endswith(f"_{options.model_name}")]
    found = next((name for name in names if name in tables), None)
    return _Match(model, found, tables[found]) if found else None


def _is_counted(match: _Match) -> bool:
    """Return whether integers of the source must become UUIDs."""
    key = match.model._meta.pk
    return isinstance(key, UUIDField) and match.columns.get("id") in _INTEGERS


def _section(match: _Match, matches: Mapping[Any, _Match], ids: Mapping[str, int]) -> Iterator[str]:
    name = match.model._meta.label
    yield f'[models."{name}"]'
    yield f'from = "{match.table} t"'
    owner = next((each for each in OWNERS if each in match.columns), None)
    yield f'where = "t.{owner} = %(key)s"' if owner else 'where = "??? = %(key)s"'
    yield f'[models."{name}".columns]'
    for field in match.model._meta.local_concrete_fields:
        if not field.generated and not getattr(field, "references_own_tenant", False):
            yield _line(field, match, matches, ids)


def _line(field: Any, match: _Match, matches: Mapping[Any, _Match], ids: Mapping[str, int]) -> str:
    if field.column not in match.columns:
        (column,) = tenant_tables()[match.model._meta.label_lower].columns_named([field.column])
        start = "# " if column.can_be_omitted else ""
        return f'{start}{field.column} = "???"'
    value = f"t.{field.column}"
    target = match.model if field.primary_key else field.related_model
    table = _table_of(target, matches, ids)
    is_integer = match.columns[field.column] in _INTEGERS
    if table and is_integer and not field.get_internal_type().endswith("AutoField"):
        value = f"id({table}, {value})"
    return f'{field.column} = "{value}"'


def _table_of(target: Any, matches: Mapping[Any, _Match], ids: Mapping[str, int]) -> str:
    if target is None:
        return ""
    if not is_tenant_model(target):
        is_user = target is apps.get_model("authentication.User")
        return next((name for name in ids if name.endswith("_user")), "") if is_user else ""
    found = matches.get(target)
    return found.table if found and found.table in ids else ""
