"""Serializers of tenant models."""

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.db.models import Model, UniqueConstraint
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.serializers import Field, HiddenField, ModelSerializer
from rest_framework.settings import api_settings
from rest_framework.validators import UniqueTogetherValidator

from apps.isolation.fields import ModelField


class CurrentValueMixin:
    """Makes a related field accept its current value, even if it is no longer a valid choice.

    A former member cannot be chosen, but a row that refers to one can still be updated.
    """

    def to_internal_value(self, data: Any) -> Any:
        """Return the row's current value if it was sent, else a valid choice."""
        this: Any = self
        row = getattr(this.parent, "instance", None)
        if isinstance(row, Model) and this.source in {f.name for f in row._meta.concrete_fields}:
            field: Any = row._meta.get_field(this.source)
            current = getattr(row, field.attname)
            with suppress(DjangoValidationError):
                if current is not None and field.target_field.to_python(data) == current:
                    return getattr(row, this.source)
        return super().to_internal_value(data)  # type: ignore[misc] # of a related field


class TenantModelSerializer[M: Model](ModelSerializer[M]):
    """Leaves uniqueness to the database, and reports a duplicate as a validator would.

    A query before the write would cost a round trip, lose races, and might disclose rows that the
    caller cannot see.
    """

    def get_unique_together_validators(self) -> list[UniqueTogetherValidator]:
        """Return no validators, since the database checks uniqueness."""
        return []

    def get_uniqueness_extra_kwargs(
        self, field_names: object, declared_fields: object, extra_kwargs: dict[str, object]
    ) -> tuple[dict[str, object], dict[str, HiddenField]]:
        """Add no hidden fields, since they serve only the omitted validators."""
        return extra_kwargs, {}

    def build_standard_field(
        self, field_name: str, model_field: ModelField
    ) -> tuple[type[Field[object, object, object, object]], dict[str, object]]:
        """Drop the validator that Django REST framework adds to a unique field."""
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        validators = kwargs.pop("validators", [])
        if kept := [validator for validator in validators if not hasattr(validator, "queryset")]:
            kwargs["validators"] = kept
        return field_class, kwargs

    def create(self, validated_data: Any) -> M:
        """Insert the row; a duplicate is a validation error."""
        create = super().create
        return self._write(lambda: create(validated_data))

    def update(self, instance: M, validated_data: Any) -> M:
        """Update the row; a duplicate is a validation error."""
        update = super().update
        return self._write(lambda: update(instance, validated_data))

    def _write(self, write: Callable[[], M]) -> M:
        with unique_errors(self.Meta.model, self.fields):
            return write()


@contextmanager
def unique_errors(model: type[Model], fields: Container[str]) -> Iterator[None]:
    """Report a duplicate as ValidationError on the unique field among ``fields``.

    The block must contain only the statement that writes.
    """
    # Inside a transaction, a savepoint keeps a failed statement from aborting the transaction.
    # Outside of one it is not needed, and would cost two round trips.
    connection = connections[DEFAULT_DB_ALIAS]
    guard = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with guard:
            yield
    except IntegrityError as error:
        name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
        for constraint in model._meta.constraints:
            if isinstance(constraint, UniqueConstraint) and constraint.name == name:
                names = [field for field in constraint.fields if field in fields]
                raise _duplicate(model, names) from error
        if names := [field for field in _unique_fields(model, name) if field in fields]:
            raise _duplicate(model, names) from error
        raise


def _unique_fields(model: type[Model], name: str | None) -> list[str]:
    """Return the fields of a constraint that the model does not name, such as ``unique=True``."""
    connection = connections[DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor:
        known = connection.introspection.get_constraints(cursor, model._meta.db_table)
    found = known.get(name or "")
    columns = found["columns"] if found and found["unique"] else []
    return [field.name for field in model._meta.local_fields if field.column in columns]


def _duplicate(model: type[Model], fields: list[str]) -> ValidationError:
    key = fields[0] if len(fields) == 1 else api_settings.NON_FIELD_ERRORS_KEY
    label = model._meta.verbose_name
    names = " and ".join(fields)
    message = f"{label} with this {names} already exists.".capitalize()
    return ValidationError({key: [ErrorDetail(message, "unique")]})
