"""Values of fields by their types and limits, for models and for serializers."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from django.contrib.postgres import fields as postgres
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.validators import FileExtensionValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.backends.postgresql.psycopg_any import (
    DateRange,
    DateTimeTZRange,
    NumericRange,
)
from rest_framework import serializers

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
SHOWING = (models.CharField, models.TextField, models.JSONField, models.FileField)
"""Fields that have a value in every row, since it can show whose row it is."""

DAY = date(2030, 1, 2)
MOMENT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
_STEPS = (0, 1, 2, 5, 10, 100, -1)

# Above the numbers that sequences reach while all tests run.
_keys, _small_keys = count(1_000_000), count(20_000)
_SMALL = (models.SmallAutoField, models.SmallIntegerField, models.PositiveSmallIntegerField)
_numbers = count(1)

type Value = Callable[[Any, Any], Any]
"""A function of a `Samples` and a field."""


def _file(own: Any, field: Any) -> ContentFile[bytes]:
    """Return a file with a permitted extension."""
    permitted = [each for each in field.validators if isinstance(each, FileExtensionValidator)]
    extension = next(iter(permitted[0].allowed_extensions or ())) if permitted else "txt"
    return ContentFile(own.text().encode(), f"{own.text()}.{extension}")


MODEL_VALUES: dict[type[models.Field[Any, Any]], Value] = {
    models.CharField: lambda own, field: own.text(field.max_length),
    models.TextField: lambda own, field: own.text(field.max_length),
    models.EmailField: lambda own, field: own.email(),
    models.URLField: lambda own, field: f"https://example.test/{own.text()}",
    models.JSONField: lambda own, field: {"text": own.text()},
    models.BinaryField: lambda own, field: own.text().encode(),
    models.ImageField: lambda own, field: ContentFile(GIF + own.text().encode(), "sample.gif"),
    models.FileField: _file,
    models.BooleanField: lambda own, field: True,
    models.IntegerField: lambda own, field: 1,
    models.FloatField: lambda own, field: 1.5,
    models.DecimalField: lambda own, field: 1,
    models.DateField: lambda own, field: DAY,
    models.DateTimeField: lambda own, field: MOMENT,
    models.TimeField: lambda own, field: time(3, 4, 5),
    models.DurationField: lambda own, field: timedelta(hours=1),
    models.UUIDField: lambda own, field: uuid4(),
    models.GenericIPAddressField: lambda own, field: "192.0.2.1",
    postgres.ArrayField: lambda own, field: [_member(own, field.base_field)],
    postgres.HStoreField: lambda own, field: {"text": own.text()},
    postgres.RangeField: lambda own, field: NumericRange(1, 2),
    postgres.DateRangeField: lambda own, field: DateRange(DAY, DAY + timedelta(1)),
    postgres.DateTimeRangeField: lambda own, field: DateTimeTZRange(
        MOMENT, MOMENT + timedelta(hours=1)
    ),
}


def _member(own: Any, field: Any) -> Any:
    if field.choices:
        return choices_of(field)[0]
    make = find(MODEL_VALUES, field)
    return make(own, field) if make else None


# The n-th value of a field whose values must all be different.
_SERIES: dict[type[models.Field[Any, Any]], Callable[[int], Any]] = {
    models.IntegerField: lambda n: n,
    models.FloatField: float,
    models.DecimalField: lambda n: n,
    models.DateField: lambda n: DAY + timedelta(n),
    models.DateTimeField: lambda n: MOMENT + timedelta(hours=n),
    models.TimeField: lambda n: time(n // 3600 % 24, n // 60 % 60, n % 60),
    models.DurationField: lambda n: timedelta(seconds=n),
    models.GenericIPAddressField: lambda n: f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}",
    postgres.RangeField: lambda n: NumericRange(n, n + 1),
    postgres.DateRangeField: lambda n: DateRange(DAY + timedelta(n), DAY + timedelta(n + 1)),
    postgres.DateTimeRangeField: lambda n: DateTimeTZRange(
        MOMENT + timedelta(hours=n), MOMENT + timedelta(hours=n + 1)
    ),
}

FIELD_VALUES: dict[type[serializers.Field[Any, Any, Any, Any]], Value] = {
    serializers.CharField: lambda own, field: own.text(field.max_length),
    serializers.EmailField: lambda own, field: own.email(),
    serializers.URLField: lambda own, field: f"https://example.test/{own.text()}",
    serializers.IPAddressField: lambda own, field: "192.0.2.1",
    serializers.JSONField: lambda own, field: {"text": own.text()},
    serializers.DictField: lambda own, field: {},
    serializers.ImageField: lambda own, field: SimpleUploadedFile("sample.gif", GIF),
    serializers.FileField: lambda own, field: SimpleUploadedFile("x.txt", own.text().encode()),
    serializers.ChoiceField: lambda own, field: next(iter(field.choices)),
    serializers.MultipleChoiceField: lambda own, field: [next(iter(field.choices))],
    serializers.BooleanField: lambda own, field: True,
    serializers.IntegerField: lambda own, field: 1,
    serializers.FloatField: lambda own, field: 1.5,
    serializers.DecimalField: lambda own, field: "1",
    serializers.DateField: lambda own, field: DAY.isoformat(),
    serializers.DateTimeField: lambda own, field: MOMENT.isoformat(),
    serializers.TimeField: lambda own, field: "03:04:05",
    serializers.DurationField: lambda own, field: "01:00:00",
}


def new_key(field: Any) -> int:
    """Return a number that is no row's primary key yet, in any tenant."""
    return next(_small_keys if isinstance(field, _SMALL) else _keys)


def find(table: dict[Any, Any], field: Any) -> Any:
    """Return the entry of a field's class or of its nearest base class, or None."""
    return next((table[cls] for cls in type(field).__mro__ if cls in table), None)


def different(field: Any, value: Any) -> Any:
    """Return a value that no other row has, if the field's type has enough values."""
    series = find(_SERIES, field)
    return series(next(_numbers)) if series else value


def choices_of(field: Any) -> list[Any]:
    """Return the values of a field with choices."""
    return [value for value, _ in field.flatchoices]


def others(field: Any, value: Any) -> Iterator[Any]:
    """Yield further values of a field, where its validators or a constraint refuse ``value``."""
    if field.choices:
        yield from choices_of(field)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float | Decimal):
        yield from (*_STEPS, *_limits(field.validators))
        if not isinstance(field, models.IntegerField):
            yield Decimal("0.5")
    elif isinstance(value, date):
        yield from (value + timedelta(days) for days in _STEPS)
    elif isinstance(value, timedelta):
        yield from (value + timedelta(hours=hours) for hours in _STEPS)
    elif isinstance(value, time):
        yield from (value.replace(hour=hour) for hour in (4, 5, 2))
    if field.blank and field.empty_strings_allowed:
        yield ""
    if field.null:
        yield None


def _limits(validators: Iterable[Any]) -> Iterator[Any]:
    for each in validators:
        if isinstance(each, MinValueValidator | MaxValueValidator):
            yield each.limit_value() if callable(each.limit_value) else each.limit_value


def is_valid(field: Any, value: Any) -> bool:
    """Return whether a field's validators accept a value."""
    with suppress(ValidationError):
        field.run_validators(value)
        return True
    return False
