"""Declarations of models: tenants, unique values, check constraints, keys of every type."""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.postgres.constraints import ExclusionConstraint
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from apps.isolation.app_registry import is_tenant_model
from apps.isolation.models import TenantModel
from tests.isolation.values import different

TEXTS = (models.CharField, models.TextField, models.UUIDField, models.FileField)
"""Fields whose generated values are unique."""

LONG_ENOUGH = 16
"""Characters that a unique text needs."""


def tenant_models() -> list[type[models.Model]]:
    """Return the tenant models that have tables, and their proxies."""
    return [
        model
        for model in apps.get_models()
        if issubclass(model, TenantModel) and model._meta.managed
    ]


def shared_models() -> list[type[models.Model]]:
    """Return the shared models with a foreign key to the tenant."""
    return [
        model
        for model in apps.get_models()
        if not is_tenant_model(model)
        and any(field.attname == "tenant_id" for field in model._meta.concrete_fields)
    ]


def models_of_tenants() -> list[type[models.Model]]:
    """Return all models with rows of tenants."""
    return [*tenant_models(), *shared_models()]


def label(model: type[models.Model]) -> str:
    """Return the label of a model."""
    return model._meta.label


def is_of_tenant(model: type[models.Model]) -> bool:
    """Return whether rows of a model belong to a tenant, also tenants and users themselves."""
    return model in {*models_of_tenants(), get_user_model(), apps.get_model("tenants.Tenant")}


# Columns and keys


def columns_of(model: type[models.Model]) -> list[Any]:
    """Return the fields of a model, inherited ones too, that a statement may write."""
    return [field for field in model._meta.concrete_fields if not field.generated]


def own_columns(model: type[models.Model]) -> list[Any]:
    """Return the fields in a model's own table that a statement may write."""
    return [field for field in model._meta.local_concrete_fields if not field.generated]


def column_to_write(model: type[models.Model]) -> Any:
    """Return a field that is no part of the key; preferably in the model's own table."""
    fields = [*columns_of(model), *own_columns(model)]
    return next(field for field in reversed(fields) if not is_key(field))


def tables_of(model: type[models.Model]) -> list[type[models.Model]]:
    """Return the models in whose tables a row is, the first parent first."""
    concrete: Any = model._meta.concrete_model
    return [*reversed(concrete._meta.all_parents), concrete]


def keys_of(model: type[models.Model]) -> list[Any]:
    """Return the fields of the primary key."""
    return list(model._meta.pk_fields)


def is_inherited(model: type[models.Model]) -> bool:
    """Return whether rows of a model are in the tables of parent models too."""
    return len(tables_of(model)) > 1


def set_key(row: models.Model, value: object) -> None:
    """Set the primary key of a row, in the tables of its parents too."""
    row.pk = value
    for model in tables_of(type(row))[:-1]:
        setattr(row, model._meta.pk.attname, value)


def is_key(field: Any) -> bool:
    """Return whether a field is in the primary key of its model, or of the tenant."""
    return field in keys_of(field.model) or is_parent_link(field) or is_tenant_key(field)


def is_parent_link(field: Any) -> bool:
    """Return whether a field refers to the row's part in the table of a parent model."""
    return bool(field.remote_field and field.remote_field.parent_link)


def has_shared_key(model: type[models.Model]) -> bool:
    """Return whether the primary key is that of a shared row, such as a user."""
    return any(
        field.remote_field and not is_tenant_model(field.related_model) for field in keys_of(model)
    )


def is_enforced(field: Any) -> bool:
    """Return whether PostgreSQL checks a foreign key, which is no link to a parent's table."""
    return bool(field.db_constraint) and not is_parent_link(field)


def is_tenant_key(field: Any) -> bool:
    """Return whether a field refers to the tenant that owns the row."""
    return str(field.attname) == "tenant_id"


def unknown_id(model: type[models.Model] | None = None) -> Any:
    """Return an id of the right type that no row has."""
    if model is None:
        return uuid4()
    ids = [_unknown_value(field) for field in keys_of(model)]
    return ids[0] if len(ids) == 1 else tuple(ids)


def _unknown_value(field: Any) -> Any:
    while field.remote_field:
        field = field.target_field
    if isinstance(field, models.SmallIntegerField | models.SmallAutoField):
        return 20_000 + uuid4().int % 10_000
    if isinstance(field, models.IntegerField):
        return 2_000_000_000 + uuid4().int % 100_000_000
    if isinstance(field, models.CharField):
        return uuid4().hex[: field.max_length]
    return different(field, uuid4())


# Constraints


def uniques_of(model: type[models.Model]) -> list[list[Any]]:
    """Return the sets of fields of which no two rows of a tenant have equal values."""
    found = []
    for each in tables_of(model):
        for constraint in each._meta.constraints:
            if isinstance(constraint, models.UniqueConstraint) and not constraint.condition:
                found += [_fields(each, _names_in(constraint))]
        found += [_fields(each, names) for names in each._meta.unique_together]
        found += [[field] for field in each._meta.local_concrete_fields if field.unique]
    return [fields for fields in found if not any(is_key(field) for field in fields)]


def _distinct(model: type[models.Model]) -> list[list[Any]]:
    """Return the sets of fields that a new row needs other values in, even if only sometimes."""
    found = uniques_of(model)
    for each in tables_of(model):
        for constraint in each._meta.constraints:
            if isinstance(constraint, models.UniqueConstraint | ExclusionConstraint):
                found.append(_fields(each, _names_in(constraint)))
        found.append(keys_of(each))
    return found


def _names_in(constraint: models.UniqueConstraint | ExclusionConstraint) -> Iterable[str]:
    if isinstance(constraint, models.UniqueConstraint):
        return [*constraint.fields, *_names(constraint.expressions)]
    return _names(expression for expression, *_ in constraint.expressions)


def _names(expressions: Iterable[Any]) -> list[str]:
    parts = [
        part
        for each in expressions
        for part in (each.flatten() if hasattr(each, "flatten") else [each])
    ]
    return [str(getattr(part, "name", part)) for part in parts if isinstance(part, F | str)]


def _fields(model: type[models.Model], names: Iterable[str]) -> list[Any]:
    fields = [model._meta.get_field(name) for name in dict.fromkeys(names)]
    return [field for field in fields if not is_tenant_key(field)]


def is_once(field: Any) -> bool:
    """Return whether a relation needs a new row, since nothing else makes its set unique."""
    return field is not None and any(
        field in fields and not any(_is_text(each) for each in fields)
        for fields in _distinct(field.model)
    )


def is_in_series(field: Any) -> bool:
    """Return whether only the values of a field, which is no relation, make its set unique."""
    return any(
        field in fields and not any(_is_text(each) or each.is_relation for each in fields)
        for fields in _distinct(field.model)
    )


def _is_text(field: Any) -> bool:
    is_short = (field.max_length or LONG_ENOUGH) < LONG_ENOUGH
    return isinstance(field, TEXTS) and not field.choices and not is_short


type Check = tuple[type[models.Model], models.CheckConstraint]
"""A check constraint, and the model in whose table it is."""


def checks_of(model: type[models.Model]) -> list[Check]:
    """Return the check constraints of a model and of its parents."""
    return [
        (each, constraint)
        for each in tables_of(model)
        for constraint in each._meta.constraints
        if isinstance(constraint, models.CheckConstraint)
    ]


def fields_in(check: Check) -> list[Any]:
    """Return the fields that a check constraint compares."""
    model, constraint = check
    names = Q(constraint.condition).referenced_base_fields
    return [field for field in columns_of(model) if {field.name, field.attname} & names]


def meets(row: Any, check: Check, alias: str) -> bool:
    """Return whether a row meets a check constraint, as PostgreSQL evaluates it."""
    model, constraint = check
    try:
        constraint.validate(model, row, using=alias)
    except ValidationError:
        return False
    return True
