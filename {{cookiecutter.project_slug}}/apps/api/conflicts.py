"""Rows that cannot be deleted, since others refer to them: 409, whichever route deletes."""

from http import HTTPStatus

import psycopg
from django.db import IntegrityError
from django.db.models import Model, ProtectedError, RestrictedError
from rest_framework.exceptions import APIException

FOREIGN_KEYS = (psycopg.errors.ForeignKeyViolation, psycopg.errors.RestrictViolation)


class RowInUse(APIException):
    """Other rows refer to the row; PostgreSQL says the same of a reference to a row that is gone.

    It is PostgreSQL that answers where nothing in the code does (``DO_NOTHING``), or where another
    request was faster.
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
    """Name the kinds of rows only: which rows there are, the caller may not be allowed to read."""
    kinds = {str(row._meta.verbose_name_plural) for row in rows}
    return RowInUse(f"This object cannot be deleted: {', '.join(sorted(kinds))} refer to it.")
