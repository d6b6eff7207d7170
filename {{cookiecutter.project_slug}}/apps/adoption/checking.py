"""Finds what would stop an adoption, without writing anything."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError

from apps.adoption.archiving import names_in, shared_data_of
from apps.adoption.source import SCHEMA, Customer, Source, longest
from apps.isolation.app_registry import is_tenant_model
from apps.memberships.roles import Role
from apps.portability.exceptions import ArchiveError
from apps.portability.people import USERS
from apps.portability.progress import progress_bar
from apps.portability.sums import sum_of
from apps.portability.tables import Column, Table
from apps.tenants.models import Tenant

MOST_EXAMPLES = 3
CONTENT_TYPES = ContentType._meta.label_lower


def check(source: Source, media: Path | None) -> tuple[dict[str, int], list[str]]:
    """Return the number of rows by model, and a sentence for each thing that is wrong."""
    customers = source.customers()
    counts: Counter[str] = Counter()
    found = list(_slugs(customers))
    with progress_bar(len(customers) * len(source.models), "table") as advance:
        for each in customers:
            found += [f"{each.slug}: {sentence}" for sentence in _people(source, each)]
            for table in source.tables(each.key, is_typed=False).values():
                counts[table.label] += _count(source, table.name)
                sentences = [
                    *_rows(source, table, each),
                    *_conversion(source, table, each),
                    *_lost_files(source, table, media),
                ]
                found += [f"{each.slug}: {sentence}" for sentence in sentences]
                advance(1)
    return dict(counts), [*found, *_strays(source, counts), *_doubles(source, customers)]


def _slugs(customers: list[Customer]) -> Iterator[str]:
    """Yield a sentence for each tenant that could not be created here."""
    for slug, count in Counter(each.slug for each in customers).items():
        if count > 1:
            yield f"{slug}: {count} tenants have this slug."
    here = dict(Tenant.objects.values_list("slug", "pk"))
    for each in customers:
        if here.get(each.slug) == each.id:
            continue
        try:
            Tenant(id=each.id, slug=each.slug, name=each.name).full_clean()
        except ValidationError as error:
            yield f"{each.slug}: {' '.join(error.messages)}"


def _people(source: Source, customer: Customer) -> Iterator[str]:
    try:
        people = shared_data_of(source, customer).members
        if not any(person.role == Role.OWNER for person in people):
            yield "no user has the role owner"
    except ArchiveError as error:
        yield str(error)
    users = source.users(customer.key)
    query = "SELECT lower(email) AS value FROM {} AS t GROUP BY 1 HAVING count(*) > 1"
    yield from _examples(source, query.format(users), "addresses of several users")
    query = "SELECT id::text AS value FROM {} AS t GROUP BY 1 HAVING count(*) > 1"
    yield from _examples(source, query.format(users), "users who are returned twice")
    query = "SELECT id::text AS value FROM {} AS t WHERE coalesce(email, '') !~ '^[^@]+@[^@]+$'"
    yield from _examples(source, query.format(users), "users without an address")


def _conversion(source: Source, table: Table, customer: Customer) -> Iterator[str]:
    """Yield a sentence if a value cannot be converted into the type of its column here."""
    typed = source.tables(customer.key)[table.label]
    with source.collecting_errors() as found:
        sum_of(typed, [column.name for column in typed.columns], {}, source.connection)
    yield from (f"rows of {table.label} cannot be converted: {sentence}" for sentence in found)


def _lost_files(source: Source, table: Table, media: Path | None) -> Iterator[str]:
    """Yield a sentence for files that rows name, and that are not in the folder."""
    names = list(names_in(source, table))
    if names and media is None:
        yield f"rows of {table.label} name files: give their folder by --media"
    elif lost := [name for name in names if media and not (media / name).is_file()]:
        yield f"files of {table.label} that are missing: {len(lost)}, such as {lost[0]}"


def _rows(source: Source, table: Table, customer: Customer) -> Iterator[str]:
    """Yield a sentence for each kind of row that could not be stored."""
    key = ", ".join(f"t.{source.connection.ops.quote_name(name)}" for name in table.key)
    start = f"SELECT concat_ws(', ', {key}) AS value FROM {table.name} AS t"
    group = f"{start} GROUP BY {key} HAVING count(*) > 1"
    yield from _examples(source, group, f"rows of {table.label} that are returned twice")
    for names in _uniques(table):
        own = [f"t.{source.connection.ops.quote_name(name)}" for name in names]
        group = f"SELECT concat_ws(', ', {', '.join(own)}) AS value FROM {table.name} AS t"
        group += f" WHERE num_nulls({', '.join(own)}) = 0 GROUP BY {', '.join(own)}"
        what = f"values of {' and '.join(names)} in several rows of {table.label}"
        yield from _examples(source, f"{group} HAVING count(*) > 1", what)
    for column in table.columns:
        for condition, what in _conditions(source, table, column, customer):
            query = f"{start} WHERE {condition}"
            yield from _examples(source, query, f"rows of {table.label} {what}")


def _conditions(
    source: Source, table: Table, column: Column, customer: Customer
) -> Iterator[tuple[str, str]]:
    own = f"t.{source.connection.ops.quote_name(column.name)}"
    if not column.null:
        yield f"{own} IS NULL", f"without a {column.name}"
    if length := longest(column.type):
        yield f"length({own}::text) > {length}", f"with a {column.name} over {length} characters"
    if column.type == "timestamp with time zone":
        zoneless = f"pg_typeof({own}) = 'timestamp'::regtype"
        yield zoneless, f"with a {column.name} without a time zone; add AT TIME ZONE"
    if column.refers == USERS:
        users = source.users(customer.key)
        missing = f"NOT EXISTS (SELECT FROM {users} u WHERE u.id::text = {own}::text)"
        yield (
            f"{own} IS NOT NULL AND {missing}",
            f"with a {column.name} whom users.query lacks",
        )
        return
    if column.refers not in {"", CONTENT_TYPES} and not is_tenant_model(
        apps.get_model(column.refers)
    ):
        yield f"{own} IS NOT NULL", f"with a {column.name}: {column.refers} cannot be adopted"
        return
    for label, target in _targets(table, column):
        if label not in source.models:
            yield f"{own} IS NOT NULL", f"with a {column.name}, while the plan lacks {label}"
            continue
        rows = source.tables(customer.key, is_typed=False)[label].name
        other = source.connection.ops.quote_name(target)
        missing = f"NOT EXISTS (SELECT FROM {rows} o WHERE o.{other}::text = {own}::text)"
        what = f"with a {column.name} of another tenant, or of none"
        yield f"{own} IS NOT NULL AND {missing}", what


def _uniques(table: Table) -> Iterator[list[str]]:
    """Yield the columns of each unique constraint, without the tenant's."""
    options: Any = apps.get_model(table.label)._meta
    for each in options.total_unique_constraints:
        columns = [options.get_field(name).column for name in each.fields]
        named = [column.name for column in table.columns_named(columns)]
        if len(named) == len(set(columns) - {table.owner}):
            yield named
    for field in options.local_concrete_fields:
        if field.unique and not field.primary_key and table.columns_named([field.column]):
            yield [field.column]


def _targets(table: Table, column: Column) -> Iterator[tuple[str, str]]:
    """Yield the tenants' table to which a column refers, and the column that is referred to."""
    model = apps.get_model(table.label)
    for each in model._meta.local_concrete_fields:
        if each.column == column.name and each.remote_field and is_tenant_model(each.related_model):
            yield each.related_model._meta.label_lower, each.target_field.column


def _strays(source: Source, counts: Counter[str]) -> Iterator[str]:
    """Yield a sentence for each model some of whose rows belong to no tenant, or to several."""
    for label, (_, plan) in source.models.items():
        if SCHEMA in plan.from_:
            continue  # each tenant has its own table
        origin, only = source.text(plan.from_, None), source.text(plan.only, None)
        total = _count(source, f"(SELECT FROM {origin} WHERE ({only}) IS NOT FALSE)")
        if total != counts[label]:
            yield (
                f"{label}: the source has {total} rows, and the tenants have {counts[label]}: "
                "rows belong to no tenant or to several. Change `where`, or exclude them by `only`."
            )


def _doubles(source: Source, customers: list[Customer]) -> Iterator[str]:
    """Yield a sentence for rows that belong to several tenants."""
    for label, (table, plan) in source.models.items():
        if SCHEMA in plan.from_ or not customers:
            continue
        key = ", ".join(f"t.{source.connection.ops.quote_name(name)}" for name in table.key)
        tables = (source.tables(each.key, is_typed=False)[label].name for each in customers)
        every = " UNION ALL ".join(
            f"SELECT concat_ws(', ', {key}) AS value, {number} AS tenant FROM {each} AS t"
            for number, each in enumerate(tables)
        )
        query = f"SELECT value FROM ({every}) AS u GROUP BY 1 HAVING count(DISTINCT tenant) > 1"
        yield from _examples(source, query, f"rows of {label} in several tenants")


def _count(source: Source, table: str) -> int:
    return int(source.execute(f"SELECT count(*) AS count FROM {table} AS t")[0]["count"])


def _examples(source: Source, query: str, what: str) -> Iterator[str]:
    start = "SELECT value, count(*) OVER () FROM"
    found = source.execute(f"{start} ({query}) AS f LIMIT {MOST_EXAMPLES}")
    if found:
        examples = ", ".join(str(each["value"]) for each in found)
        more = " …" if found[0]["count"] > len(found) else ""
        yield f"{what}: {found[0]['count']}, such as {examples}{more}"
