"""Finds the membership of a token, with a cached query at the begin of every API request.

Django takes longer to compile this query than PostgreSQL to answer it. This time is most of the
additional cost of a request compared with a project without tenants (``nox -s compare`` of the
template). Therefore the SQL is cached, and sent with new values.
"""

from collections.abc import Iterator
from functools import cache
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists, Model
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from apps.authentication.tokens import Claims
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.fields import ModelField
from apps.memberships.models import Membership
from apps.tenants.models import Tenant

MODELS: dict[str, type[Model]] = {"": Membership, "user__": get_user_model(), "tenant__": Tenant}
"""The models of a row, in this order, with their path from the membership."""

USER, TENANT, MEMBERSHIP, FAMILY = (UUID(int=number) for number in range(1, 5))
"""Placeholders for a token's claims in the cached query."""


def membership_of_token(claims: Claims) -> tuple[Membership, bool] | None:
    """Return the membership of a verified token, and whether its log-in has ended.

    One query also loads the user and the tenant. The membership is None if it does not exist.
    """
    text, gaps = _query()
    values: dict[UUID | str, UUID | str] = {
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
    membership = _made(Membership, columns, connection)
    membership.user = _made(get_user_model(), columns, connection)
    membership.tenant = _made(Tenant, columns, connection)
    return membership, next(columns)


@cache
def _query() -> tuple[str, tuple[UUID | str, ...]]:
    """Return the SQL and its placeholders for the claims, as the models define them."""
    # A family is listed there only after it has ended: see `EndingToken`.
    ended = OutstandingToken.objects.filter(jti=str(FAMILY))
    rows = Membership.objects.of_user_in(USER, TENANT).filter(pk=MEMBERSHIP)
    names = [
        prefix + field.attname
        for prefix, model in MODELS.items()
        for field in model._meta.concrete_fields
    ]
    rows = rows.annotate(is_ended=Exists(ended)).values_list(*names, "is_ended")
    text, gaps = rows.query.get_compiler(SHARED_DB).as_sql()
    return text, tuple(gaps)


def _made[M: Model](model: type[M], values: Iterator[object], connection: BaseDatabaseWrapper) -> M:
    """Return an object as Django would load it, from the next values of a row."""
    fields = model._meta.concrete_fields
    read = [_converted(field, next(values), connection) for field in fields]
    return model.from_db(SHARED_DB, [field.attname for field in fields], read)


def _converted(field: ModelField, value: object, connection: BaseDatabaseWrapper) -> object:
    for convert in field.get_db_converters(connection):
        value = convert(value, None, connection)
    return value
