"""Copies of the content types in the databases of tenants, where queries join them.

The shared data has the content types, and everybody looks them up there. ``migrate`` copies them,
with their ids, into the template and into each tenant's database. Tenants only read the copies.
"""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connections

from apps.isolation.app_registry import OWNER, SHARED_DB
from apps.isolation.strategy.provisioning import group_name

TABLE = ContentType._meta.db_table

_COPY = f"""
    CREATE TABLE IF NOT EXISTS public.{TABLE} (
        id integer PRIMARY KEY, app_label varchar(100) NOT NULL, model varchar(100) NOT NULL,
        UNIQUE (app_label, model));
    REVOKE INSERT, UPDATE, DELETE ON public.{TABLE} FROM {{group}};
    DELETE FROM public.{TABLE};
    INSERT INTO public.{TABLE} VALUES {{rows}};
"""


def shared_types(alias: str = SHARED_DB) -> list[tuple[int, str, str]]:
    """Return id, app and model of each content type of the shared data."""
    return list(ContentType.objects.using(alias).values_list("id", "app_label", "model"))


def copying_sql() -> str:
    """Return SQL that copies the content types; nothing before the shared data has any."""
    connection: Any = connections[OWNER]
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            return ""
    types = shared_types(OWNER)
    values = [value for row in types for value in row]
    rows = ", ".join(["(%s, %s, %s)"] * len(types))
    sql = _COPY.format(group=connection.ops.quote_name(group_name()), rows=rows)
    return str(connection.ops.compose_sql(sql, values)) if values else ""
