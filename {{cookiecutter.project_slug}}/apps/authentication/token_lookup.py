"""Finds whose a token is. The query that every request of the API begins with, written once.

Django takes longer to write it than PostgreSQL to answer it, and that time is most of what a
request to a tenant costs beyond one to a project without tenants (``nox -s compare`` of the
template). So its text is kept, and sent with other values.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists, Model
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from apps.authentication.tokens import Claims
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.models import Membership
from apps.tenants.models import Tenant

MODELS: dict[str, type[Model]] = {"": Membership, "user__": get_user_model(), "tenant__": Tenant}
"""The models of a row, in this order, with their path from the membership."""

USER, TENANT, MEMBERSHIP, FAMILY = (UUID(int=number) for number in range(1, 5))
"""Placeholders for a token's claims in the cached query."""


def membership_of_token(claims: Claims) -> tuple[Membership, bool] | None:
    """Return the membership that a verified token names, and whether its log-in was ended.

    The membership has its user and its tenant with it. None if there is no such membership. One
    query.
    """
    text, gaps = _query()
    values: dict[Any, Any] = {
        USER: claims.user_id,
        TENANT: claims.tenant_id,
        MEMBERSHIP: claims.membership_id,
        str(FAMILY): claims.family,
    }
    connection = connections[SHARED_DB]
    with connection.cursor() as cursor:
        cursor.execute(text, [values.get(gap, gap) for gap in gaps])
        row = cursor.fetchone()
    if row is None:
        return None
    columns = iter(row)
    membership, user, tenant = (_made(model, columns, connection) for model in MODELS.values())
    membership.user, membership.tenant = user, tenant
    return membership, next(columns)


@cache
def _query() -> tuple[str, tuple[Any, ...]]:
    """Return the text and what stands in it for the claims, by the rules of the models."""
    # A family is entered there when it is ended, and not before: see `EndingToken`.
    ended = OutstandingToken.objects.filter(jti=str(FAMILY))
    rows = Membership.objects.of_user_in(USER, TENANT).filter(pk=MEMBERSHIP)
    names = [
        prefix + field.attname
        for prefix, model in MODELS.items()
        for field in model._meta.concrete_fields
    ]
    rows = rows.annotate(is_ended=Exists(ended)).values_list(*names, "is_ended")
    text, gaps = rows.query.sql_with_params()
    return text, tuple(gaps)


def _made(model: type[Model], values: Iterator[Any], connection: BaseDatabaseWrapper) -> Any:
    """Return an object as Django would have read it, of the next values of a row."""
    fields = model._meta.concrete_fields
    read = [_converted(field, next(values), connection) for field in fields]
    return model.from_db(SHARED_DB, [field.attname for field in fields], read)


def _converted(field: Any, value: Any, connection: BaseDatabaseWrapper) -> Any:
    for convert in field.get_db_converters(connection):
        value = convert(value, None, connection)
    return value
