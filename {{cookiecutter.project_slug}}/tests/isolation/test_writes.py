"""Another tenant's rows cannot be referred to, written, or distinguished from missing ones."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.fields import GenericForeignKey
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models.expressions import DatabaseDefault
from rest_framework import serializers

from apps.isolation import WrongTenantError, tenant_context
from apps.memberships.models import Membership
from apps.tenants.models import Tenant
from tests.isolation.conftest import Call, World
from tests.isolation.declarations import (
    checks_of,
    column_to_write,
    columns_of,
    is_enforced,
    is_key,
    is_of_tenant,
    is_once,
    keys_of,
    label,
    own_columns,
    set_key,
    tables_of,
    tenant_models,
    uniques_of,
    unknown_id,
)
from tests.isolation.oracles import rows_with, taken_back
from tests.isolation.routes import WRITES, Route, routes
from tests.isolation.rows import can_be_inserted_in_bulk, can_ignore_conflicts
from tests.isolation.samples import UNTRIED, Samples, inner_of, target_of, writable_fields

BODIES = [
    pytest.param(route, method, id=f"{method} {route}")
    for route in routes()
    for method in route.methods
    if method in WRITES and f"{method} {route}" not in UNTRIED
]
MODELS = tenant_models()
REFERENCES = [
    pytest.param(model, field, id=f"{model._meta.label}.{field.name}")
    for model in MODELS
    for field in model._meta.local_concrete_fields
    if field.related_model in MODELS and is_enforced(field)
]
# Values that no body may set, under any name.
PRIVILEGES = {"role": "owner", "is_staff": True, "is_superuser": True, "status": "suspended"}
OWNERS = ("owner", "owner_id", "user", "user_id")
TEXTS = (models.CharField, models.TextField)


# CT03


@pytest.mark.parametrize(("route", "method"), BODIES)
def test_ct03_body_cannot_refer_to_foreign_rows(route: Route, method: str, world: World) -> None:
    call = Call(route, world.ours)
    with tenant_context(world.ours.tenant):
        references = list(_references(route.serializer(method)))
        theirs = [world.theirs.reference(field) for _, field in references]
        nobodys = [str(unknown_id(target_of(field))) for _, field in references]
    for (path, _), *values in zip(references, theirs, nobodys, strict=True):
        answers = []
        for value in values:
            body = _with(call.bodies[method], path, value)
            answers.append(world.try_out("owner", call, method, body=body).without(value))
        assert answers[0] == answers[1], path
        assert answers[0][0] == 400, path


@pytest.mark.parametrize(("model", "field"), REFERENCES)
def test_ct03_database_refuses_foreign_references(model: Any, field: Any, world: World) -> None:
    """Even if no code checks a reference, the database does."""
    target, row = field.related_model, world.ours.row(model)
    # Our row may be taken already by the row that refers to it.
    own = world.ours.make(target) if is_once(field) else world.ours.row(target)
    values = [getattr(each, field.target_field.attname) for each in (own, world.theirs.row(target))]
    unknown = unknown_id(target) if field.target_field.primary_key else world.ours.text()
    with tenant_context(world.ours.tenant):
        for value, refusal in zip((*values, unknown), (None, "23503", "23503"), strict=True):
            # Another row may have a relation as its key already.
            good = {refusal, "23505"} if refusal and is_key(field) else {refusal}
            new = world.ours.build(model, **{field.attname: value})
            assert _sqlstate(*_insert(new)) in good
            if getattr(row, field.attname) is None and checks_of(model):
                continue  # a check constraint may refuse the change
            changed = _copy(row, None)
            setattr(changed, field.attname, value)
            assert _sqlstate(*_update(changed, field, *_where(row))) in good


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_ct03_generic_relation_finds_no_foreign_row(model: Any, world: World) -> None:
    row = world.ours.row(model)
    for generic in model._meta.private_fields:
        if isinstance(generic, GenericForeignKey):
            with tenant_context(world.ours.tenant):
                target = type(getattr(row, generic.name))
                setattr(row, generic.fk_field, world.theirs.row(target).pk)
                assert getattr(row, generic.name) is None


# CT09


@pytest.mark.parametrize(("route", "method"), BODIES)
def test_ct09_read_only_values_are_ignored(route: Route, method: str, world: World) -> None:
    call, states = Call(route, world.ours), []
    hostile = _hostile(route.serializer(method), world.theirs)
    marks = [text for text in map(str, hostile.values()) if len(text) >= len(str(uuid4()))]

    def look() -> None:
        states.append((rows_with(world.ours, marks), _privileges()))

    for extra in ({}, hostile):
        body = call.bodies[method] | extra
        answer = world.try_out("owner", call, method, body=body, look=look)
        assert answer.is_done
        assert not any(mark in answer.body for mark in marks)
    assert states[0] == states[1]


def _hostile(serializer: Any, theirs: Samples) -> dict[str, Any]:
    """Return values for read-only fields and for unknown fields of a serializer."""
    model = getattr(getattr(serializer, "Meta", None), "model", None)
    values = {"tenant": theirs.tenant.pk, "tenant_id": theirs.tenant.pk, **PRIVILEGES}
    values |= dict.fromkeys(OWNERS, theirs.member.pk)
    if model is not None and is_of_tenant(model):
        row = theirs.row(model)
        fields = [field for field in model._meta.concrete_fields if not field.choices]
        theirs_values = {field: getattr(row, field.attname) for field in fields}
        for field, value in theirs_values.items():
            if isinstance(value, (str, UUID)) and value:
                values |= {field.name: value, field.attname: value}
    for name, _ in writable_fields(serializer) if serializer else ():
        values.pop(name, None)
    return {
        name: str(value) if isinstance(value, UUID) else value for name, value in values.items()
    }


def _privileges() -> Any:
    """Return memberships and privileges, without ids."""
    users: Any = get_user_model()._default_manager
    return (
        sorted(users.values_list("is_staff", "is_superuser")),
        sorted(Membership.platform.values_list("tenant_id", "role", "is_active")),
        sorted(Tenant.objects.values_list("id", "status")),
    )


type Attack = Callable[[Any, Any, Any], Any]

# Operations with an object that has another tenant's id and values, and with one of its fields.
ATTACKS: dict[str, Attack] = {
    "insert among others": lambda rows, row, field: rows.bulk_create([_new(row)]),
    "insert if new": lambda rows, row, field: rows.bulk_create([row], ignore_conflicts=True),
    "upsert": lambda rows, row, field: rows.bulk_create(
        [row], update_conflicts=True, unique_fields=_ids(row), update_fields=[field.name]
    ),
    "update among others": lambda rows, row, field: rows.bulk_update([row], [field.name]),
    "save": lambda rows, row, field: row.save(),
    "save what is there": lambda rows, row, field: row.save(force_update=True),
    "update": lambda rows, row, field: rows.filter(pk=row.pk).update(**_value(row, field)),
    "update all": lambda rows, row, field: rows.update(**_value(row, field)),
    "update or create": lambda rows, row, field: rows.update_or_create(
        pk=row.pk, defaults=_value(row, field)
    ),
    "delete": lambda rows, row, field: rows.filter(pk=row.pk).delete(),
    "delete all": lambda rows, row, field: rows.all().delete(),
    "INSERT": lambda rows, row, field: _run(*_insert(_new(row))),
    "UPDATE": lambda rows, row, field: _run(*_update(row, field, *_where(row))),
    "UPDATE without WHERE": lambda rows, row, field: _run(*_update(row, field, "")),
    "DELETE without WHERE": lambda rows, row, field: _run(f"DELETE FROM {_table(row)}", []),
    "ON CONFLICT": lambda rows, row, field: _run(*_upsert(row, field)),
    "move": lambda rows, row, field: _run(*_move(row)),
}
REFUSALS = (WrongTenantError, DatabaseError, ObjectDoesNotExist)
# Operations that fail for the tenant's own rows too, since the row exists, cannot move, or is
# referred to.
NEVER_CHANGES = {"insert if new", "save", "move", "DELETE without WHERE"}
IN_BULK = {"insert among others", "insert if new", "upsert"}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("model", MODELS, ids=label)
def test_ct09_no_statement_writes_foreign_rows(model: Any, attack: str, world: World) -> None:
    if attack in IN_BULK and not can_be_inserted_in_bulk(model):
        return
    theirs, field = world.theirs.row(model), _a_field(model)
    with taken_back():
        with tenant_context(world.ours.tenant), suppress(*REFUSALS), transaction.atomic():
            ATTACKS[attack](model.objects, _copy(theirs, field), field)
        world.assert_theirs_untouched()
    if attack in NEVER_CHANGES or not isinstance(field, TEXTS):
        return
    with taken_back():
        with tenant_context(world.theirs.tenant):
            try:
                ATTACKS[attack](model.objects, _copy(theirs, field), field)
            except IntegrityError:
                return  # referred and unique rows fail for their own tenant too
        with pytest.raises(AssertionError):
            world.assert_theirs_untouched()


# CT22


@pytest.mark.parametrize(("route", "method"), BODIES)
def test_ct22_foreign_values_get_the_response_of_new_ones(
    route: Route, method: str, world: World
) -> None:
    call, serializer = Call(route, world.ours), route.serializer(method)
    model = getattr(getattr(serializer, "Meta", None), "model", None)
    if model is None or not is_of_tenant(model):
        return
    row = world.theirs.row(model)
    values = _theirs_values(serializer, row) | {"id": str(row.pk)}
    for some in [*({name: value} for name, value in values.items()), values]:
        body = call.bodies[method] | some
        answer = call(world.clients["owner"], method, body=body, look=world.assert_theirs_untouched)
        assert answer.is_done, some


def _theirs_values(serializer: Any, row: Any) -> dict[str, Any]:
    """Return the values of another tenant's row for the fields of a body, without relations."""
    columns = [field.name for field in row._meta.concrete_fields if not field.is_relation]
    return {
        name: field.to_representation(value)
        for name, field in writable_fields(serializer)
        if field.source in columns and not isinstance(field, serializers.FileField)
        if (value := getattr(row, field.source)) is not None
    }


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_ct22_foreign_values_can_be_used(model: Any, world: World) -> None:
    with tenant_context(world.ours.tenant):
        like = _like(world.theirs.row(model), world.ours)
        like.full_clean(exclude=_left_out(like))
        for insert in (
            lambda row: row.save(),
            lambda row: model.objects.bulk_create([row], ignore_conflicts=True),
            lambda row: _run(*_insert(row)),
        )[:: 1 if can_ignore_conflicts(model) else 2]:
            with taken_back():
                row = _like(world.theirs.row(model), world.ours)
                insert(row)
                assert model.objects.filter(pk=row.pk).exists()
                if any(None not in _values(row, fields) for fields in uniques_of(model)):
                    with pytest.raises(DatabaseError), transaction.atomic():
                        _like(row, world.ours, keep_relations=True).save()


def _like(row: Any, ours: Samples, *, keep_relations: bool = False) -> Any:
    """Return a new object of our tenant with the values of a row, except id and relations."""
    new = ours.build(type(row))
    for field in columns_of(type(row)):
        if not is_key(field) and (keep_relations or not field.is_relation):
            setattr(new, field.attname, getattr(row, field.attname))
    return new


def _left_out(row: Any) -> list[str]:
    """Return the fields that samples leave empty, though a form would require a value."""
    return [
        field.name
        for field in columns_of(type(row))
        if not field.blank and getattr(row, field.attname) in field.empty_values
    ]


def _values(row: Any, fields: Any) -> list[Any]:
    return [getattr(row, field.attname) for field in fields]


# Fields of serializers


def _references(serializer: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Yield the fields that refer to a row, with their paths in a body."""
    for name, field in writable_fields(serializer) if serializer else ():
        inner = inner_of(field)
        here = (*path, name, 0) if inner else (*path, name)
        leaf = inner or field
        if isinstance(leaf, serializers.BaseSerializer):
            yield from _references(leaf, here)
        elif isinstance(leaf, serializers.UUIDField | serializers.RelatedField):
            model = target_of(leaf)
            if model is None or is_of_tenant(model):
                yield here, leaf


def _with(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a body with another value at a path."""
    changed = body.copy()
    changed[path[0]] = _with(body[path[0]], path[1:], value) if path[1:] else value
    return changed


# Statements


def _run(sql: str, parameters: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _sqlstate(sql: str, parameters: list[Any]) -> str | None:
    """Return the SQLSTATE of a refused statement, or None; roll back its writes."""
    try:
        with taken_back():
            _run(sql, parameters)
    except DatabaseError as error:
        return str(getattr(error.__cause__, "sqlstate", None))
    return None


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _table(row: Any) -> str:
    return _quoted(row._meta.db_table)


def _insert(row: Any) -> tuple[str, list[Any]]:
    """Return an INSERT into each table of the row, its parents' first."""
    statements, values = [], []
    for model in tables_of(type(row)):
        fields = [each for each in own_columns(model) if not _is_left_to_sql(row, each)]
        columns = ", ".join(_quoted(field.column) for field in fields)
        places = ", ".join(["%s"] * len(fields))
        statements.append(f"INSERT INTO {_table(model)} ({columns}) VALUES ({places})")
        values += [_prepared(row, field) for field in fields]
    return "; ".join(statements), values


def _is_left_to_sql(row: Any, field: Any) -> bool:
    return isinstance(getattr(row, field.attname), DatabaseDefault)


def _prepared(row: Any, field: Any) -> Any:
    # Skip the isolation layer's own checks before a save, to test the database.
    value = getattr(row, field.attname) or field.pre_save(row, add=True)
    return field.get_db_prep_save(value, connection)


def _upsert(row: Any, field: Any) -> tuple[str, list[Any]]:
    sql, values = _insert(row)
    # By name, since the key may have the tenant too.
    column, key = _quoted(field.column), _quoted(f"{field.model._meta.db_table}_pkey")
    update = f"ON CONFLICT ON CONSTRAINT {key} DO UPDATE SET {column} = EXCLUDED.{column}"
    return f"{sql} {update}", values


def _update(row: Any, field: Any, where: str, *parameters: Any) -> tuple[str, list[Any]]:
    value = field.get_db_prep_save(getattr(row, field.attname), connection)
    return f"UPDATE {_table(field.model)} SET {_quoted(field.column)} = %s {where}", [
        value,
        *parameters,
    ]


def _where(row: Any) -> tuple[Any, ...]:
    """Return a condition for the row by its key, and its parameters."""
    keys = keys_of(type(row))
    condition = " AND ".join(f"{_quoted(key.column)} = %s" for key in keys)
    return f"WHERE {condition}", *_values(row, keys)


def _ids(row: Any) -> list[str]:
    return [key.name for key in keys_of(type(row))]


def _move(row: Any) -> tuple[str, list[Any]]:
    """Set the row's tenant to another one, if rows have a tenant."""
    return f"UPDATE {_table(row)} SET tenant_id = %s", [getattr(row, "tenant_id", row.pk)]


def _a_field(model: Any) -> Any:
    """Return a field to write: preferably a text that need not be unique."""
    once = {each.name for fields in uniques_of(model) for each in fields}
    fields = [
        field
        for field in own_columns(model._meta.concrete_model)
        if not is_key(field) and not field.choices
    ]
    texts = [field for field in fields if isinstance(field, TEXTS) and field.name not in once]
    return [*texts, *fields, column_to_write(model)][0]


def _copy(row: Any, field: Any) -> Any:
    """Return an object of the active tenant with the values of another row, except one text."""
    values = {each.attname: getattr(row, each.attname) for each in columns_of(type(row))}
    if isinstance(field, TEXTS):
        values[field.attname] = "changed"[: field.max_length]
    return type(row)(**values)


def _new(row: Any) -> Any:
    """Return an object for a new row, with its own id and texts."""
    set_key(row, unknown_id(type(row)))
    for field in columns_of(type(row)):
        if isinstance(field, TEXTS) and not field.choices and not is_key(field):
            setattr(row, field.attname, uuid4().hex[: field.max_length])
    return row


def _value(row: Any, field: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname)}
