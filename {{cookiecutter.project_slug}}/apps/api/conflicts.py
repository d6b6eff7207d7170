"""Answers 409 on every route for rows that cannot be deleted, since others refer to them."""

from http import HTTPStatus

import psycopg
from django.db import IntegrityError
from django.db.models import Model, ProtectedError, RestrictedError
from rest_framework.exceptions import APIException

FOREIGN_KEYS = (psycopg.errors.ForeignKeyViolation, psycopg.errors.RestrictViolation)


class RowInUse(APIException):
    """Other rows refer to the row. PostgreSQL's error for a reference to a deleted row is the same.

    PostgreSQL raises it where no code does (``DO_NOTHING``), or where a concurrent request was
    faster.
    """

    status_code = HTTPStatus.CONFLICT
    default_detail = "Other rows refer to this object, or it refers to a deleted row."
    default_code = "in_use"


def as_conflict(error: Exception) -> RowInUse | None:
    """Return the error response for a row that is in use; None for any other error."""
    if isinstance(error, ProtectedError):
        return _used_by(error.protected_objects)
    if isinstance(error, RestrictedError):
        return _used_by(error.restricted_objects)
    if isinstance(error, IntegrityError) and isinstance(error.__cause__, FOREIGN_KEYS):
        return RowInUse()
    return None


def _used_by(rows: set[Model]) -> RowInUse:
    """Name only the models of the rows: the caller may not be allowed to read the rows."""
    kinds = {str(row._meta.verbose_name_plural) for row in rows}
    return RowInUse(f"This object cannot be deleted: {', '.join(sorted(kinds))} refer to it.")
