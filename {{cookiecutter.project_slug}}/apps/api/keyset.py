"""Keyset pagination: a position is the values of a row's ordering fields, the last one unique.

A page begins after such a position, not after a number of rows. Rows that share a value are
therefore not skipped, and a late page costs no more than the first.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import NamedTuple

from django.db.models import Model, Q, QuerySet
from django.utils.timezone import is_naive

from apps.isolation.fields import ModelField

type Position = list[str | None]
type Row = Model | dict[str, object]
NOTHING = Q(pk__in=[])


class Key(NamedTuple):
    """A field of an ordering."""

    name: str
    field: ModelField
    is_descending: bool
    is_nullable: bool


class UnseekableError(ValueError):
    """The list cannot be paged in this ordering."""


def keys_of(queryset: QuerySet[Model, Row], ordering: Iterable[str]) -> list[Key]:
    """Return the keys of an ordering, each field once, with the primary key at the end.

    Raises `UnseekableError` for what is neither a column of the model nor an annotation.
    """
    keys: dict[str, Key] = {}
    for each in ordering:
        name = each.removeprefix("-")
        key = _key(queryset, name, is_descending=each != name)
        keys.setdefault(key.name, key)
    pk = queryset.model._meta.pk.attname
    if pk not in keys:
        # In the same direction as the others, so that one index serves both.
        keys[pk] = _key(queryset, pk, is_descending=[*keys.values()][-1].is_descending)
    return list(keys.values())


def position_of(row: Row, keys: Iterable[Key]) -> Position:
    """Return the position of a row, as texts from which its fields restore the same values."""
    get = row.__getitem__ if isinstance(row, dict) else lambda name: getattr(row, name)
    return [_text(get(key.name)) for key in keys]


def values_at(position: Sequence[object], keys: Sequence[Key]) -> list[object]:
    """Return the values of a position; raise ValueError or ValidationError if it is invalid."""
    return [_value(text, key) for text, key in zip(position, keys, strict=True)]


def beyond(keys: Sequence[Key], values: Sequence[object], *, backwards: bool = False) -> Q:
    """Return the condition for rows after a position, or before it."""
    found, tied = Q(), Q()
    for key, value in zip(keys, values, strict=True):
        found |= tied & _past(key, value, downwards=key.is_descending != backwards)
        tied &= Q(**{f"{key.name}__isnull": True} if value is None else {key.name: value})
    first, value = keys[0], values[0]
    if len(keys) > 1 and not first.is_nullable:
        # Redundant, but a range in which an index scan can start.
        lookup = "lte" if first.is_descending != backwards else "gte"
        found &= Q(**{f"{first.name}__{lookup}": value})
    return found


def order_of(keys: Iterable[Key], *, backwards: bool = False) -> list[str]:
    """Return the keys as arguments of ``order_by``."""
    return ["-" * (key.is_descending != backwards) + key.name for key in keys]


def _key(queryset: QuerySet[Model, Row], name: str, *, is_descending: bool) -> Key:
    if name in queryset.query.annotation_select:
        field = queryset.query.annotation_select[name].output_field
        return Key(name, field, is_descending, is_nullable=True)
    options = queryset.model._meta
    column = options.pk.attname if name == "pk" else name
    for field in options.concrete_fields:
        if field.attname == column:
            return Key(column, field, is_descending, is_nullable=field.null)
    raise UnseekableError(f"{name} is neither a column of {options.label} nor an annotation.")


def _past(key: Key, value: object, *, downwards: bool) -> Q:
    """Return the condition for values after one in a column; ascending, NULL comes last."""
    if value is None:
        return Q(**{f"{key.name}__isnull": False}) if downwards else NOTHING
    if downwards:
        return Q(**{f"{key.name}__lt": value})
    past = Q(**{f"{key.name}__gt": value})
    return past | Q(**{f"{key.name}__isnull": True}) if key.is_nullable else past


def _text(value: object) -> str | None:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return None if value is None else str(value)


def _value(text: object, key: Key) -> object:
    if text is None and key.is_nullable:
        return None
    if not isinstance(text, str):
        raise ValueError(f"This is not a value of {key.name}.")  # noqa: TRY004 - as for other texts
    value = key.field.to_python(text)
    if isinstance(value, datetime) and is_naive(value):
        raise ValueError(f"{key.name} has a time zone.")
    return value
