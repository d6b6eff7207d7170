"""Finds references to a user in the active tenant's tables, from model declarations."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import reduce
from io import TextIOWrapper
from itertools import groupby
from operator import or_
from shutil import copyfileobj
from uuid import UUID
from zipfile import ZipFile

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core import serializers
from django.db import transaction
from django.db.models import FileField, ForeignKey, Model, Q, QuerySet
from django.db.models.fields.files import FieldFile

from apps.isolation.app_registry import is_tenant_model
from apps.isolation.fields import Reference, is_personal
from apps.isolation.integrations.limits import allow_long_statements


def tally(user_id: UUID) -> dict[str, int]:
    """Return the number of rows that refer to the user, by field."""
    return {str(field): _rows(user_id, field).count() for field in _every_field()}


def erase(user_id: UUID) -> None:
    """Delete the user's own rows with their files, and clear all other references to the user.

    Files are deleted last, after all statements have succeeded and before COMMIT: a file without
    a row could not be found again.
    """
    with transaction.atomic():
        allow_long_statements()
        own = [_rows(user_id, field) for field in _every_field() if is_personal(field)]
        # Locked, so that no concurrent upload replaces a file that is about to be deleted.
        files = [file for rows in own for _, file in _files(rows.select_for_update())]
        for rows in own:
            rows.delete()
        for field in _every_field():
            if not is_personal(field):
                _rows(user_id, field).update(**{field.attname: None})
        for file in files:
            file.delete(save=False)


def export(user_id: UUID, archive: ZipFile) -> None:
    """Write all rows that refer to the user, and the files in them."""
    with transaction.atomic():
        allow_long_statements()
        for model, fields in groupby(_every_field(), lambda field: field.model):
            _export_rows(model._meta.label, _rows(user_id, *fields), archive)


def _export_rows(label: str, rows: QuerySet[Model], archive: ZipFile) -> None:
    write_rows(archive, rows)
    for place, file in _files(rows):
        # A missing file is also missing in the archive; its row names it.
        name = f"{label}/{place}"
        with suppress(FileNotFoundError), file.open() as source, archive.open(name, "w") as to:
            copyfileobj(source, to)


def write_rows(
    archive: ZipFile, rows: QuerySet[Model], fields: Iterable[str] | None = None
) -> None:
    """Write rows into a file of the archive, named after their model."""
    name = f"{rows.model._meta.label}.json"
    with archive.open(name, "w") as file, TextIOWrapper(file, encoding="utf-8") as text:
        serializers.serialize("json", rows.iterator(), stream=text, fields=fields, indent=1)


def _every_field() -> list[Reference]:
    return [
        field
        for model in apps.get_models(include_auto_created=True)
        if is_tenant_model(model) and not model._meta.proxy
        for field in model._meta.local_fields
        if isinstance(field, ForeignKey) and field.related_model is get_user_model()
    ]


def _rows(user_id: UUID, *fields: Reference) -> QuerySet[Model]:
    """Return the rows of one model that refer to the user by one of these fields."""
    condition = reduce(or_, (Q(**{field.attname: user_id}) for field in fields))
    rows: QuerySet[Model] = fields[0].model._base_manager.filter(condition)
    return rows


def _files(rows: QuerySet[Model]) -> Iterator[tuple[str, FieldFile]]:
    """Yield the files of rows, each with a unique name."""
    fields = [field for field in rows.model._meta.fields if isinstance(field, FileField)]
    for row in rows.iterator() if fields else ():
        for field in fields:
            if file := getattr(row, field.name):
                yield f"{row.pk}.{field.name}", file
