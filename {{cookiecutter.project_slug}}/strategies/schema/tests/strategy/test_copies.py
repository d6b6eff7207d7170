"""Objects that a migration creates: a new tenant gets a copy, or the migration fails."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction

from apps.isolation.app_registry import OWNER
from apps.isolation.exceptions import ProvisioningError
from apps.isolation.fleet.drift import parts_of
from apps.isolation.fleet.recording import recorded
from apps.isolation.strategy.copying import copy_into, keep_copy
from apps.isolation.strategy.naming import PUBLIC, TEMPLATE, physical_name
from apps.isolation.strategy.targets import adapt
from apps.tenants.services import create_tenant
from tests.deployment import Deployment

pytestmark = pytest.mark.django_db

NEW = "t_" + "0" * 32


def _read(name: str) -> dict[str, list[str]]:
    """Return the paragraphs of a file by kind."""
    text = (Path(__file__).parent / name).read_text()
    for role, alias in (("runtime", "default"), ("owner", OWNER)):
        text = text.replace(f"{{{role}}}", connections[alias].settings_dict["USER"])
    kinds = (kind.strip().split("\n\n") for kind in text.split("-- kind: ")[1:])
    return {name: paragraphs for name, *paragraphs in kinds}


KINDS = _read("kinds.sql")
REFUSED = _read("refused.sql")


@contextmanager
def _template() -> Iterator[Any]:
    """Enter the template, and roll back all changes to it."""
    connection: Any = connections[OWNER]
    connection.set_schema(TEMPLATE)
    try:
        with transaction.atomic(using=OWNER), connection.cursor() as cursor:
            yield cursor
            transaction.set_rollback(True, using=OWNER)
    finally:
        connection.set_schema_to_public()


def _parts(schema: str) -> frozenset[str]:
    return parts_of(connections[OWNER], [schema])[schema]


def _copy(cursor: Any) -> None:
    cursor.execute(f"SET LOCAL search_path = {TEMPLATE}, {PUBLIC}")
    keep_copy(cursor)
    statements = copy_into(NEW, cursor)
    cursor.execute(f"CREATE SCHEMA {NEW}; SET LOCAL search_path = {NEW}, {PUBLIC}; {statements}")


@pytest.mark.parametrize("kind", KINDS)
def test_copy_is_complete(kind: str) -> None:
    with _template() as cursor:
        for statement in KINDS[kind]:
            before = _parts(TEMPLATE)
            cursor.execute(statement)
            assert _parts(TEMPLATE) != before, f"drift does not see: {statement}"
        _copy(cursor)
        assert _parts(NEW) == _parts(TEMPLATE)


@pytest.mark.parametrize("kind", REFUSED)
def test_uncopyable_object_is_refused(kind: str) -> None:
    named, *statements = REFUSED[kind]
    with _template() as cursor:
        for statement in statements:
            cursor.execute(statement)
        with pytest.raises(ProvisioningError, match=re.escape(f" lack: {named}. ")):
            _copy(cursor)


def test_policies_are_refused() -> None:
    with _template() as cursor:
        cursor.execute("ALTER TABLE sample_label FORCE ROW {} SECURITY".format("LEVEL"))
        with pytest.raises(ProvisioningError, match=r"lack: table sample_label \(with policies\)"):
            _copy(cursor)


def test_circular_dependencies_are_refused() -> None:
    function = "FUNCTION is_word(text) RETURNS bool IMMUTABLE RETURN"
    with _template() as cursor:
        cursor.execute(f"CREATE {function} true")
        cursor.execute("CREATE DOMAIN word AS text CHECK (is_word(VALUE))")
        cursor.execute(f"CREATE OR REPLACE {function} $1::word <> ''")
        with pytest.raises(
            ProvisioningError, match=r"is_word\(text\) and word depend on each other"
        ):
            _copy(cursor)


def test_uncopyable_object_fails_its_migration() -> None:
    connection = connections[OWNER]
    with _template():
        before = _parts(TEMPLATE)
        with (
            recorded(TEMPLATE, connection),
            pytest.raises(ProvisioningError, match="aggregate"),
            connection.schema_editor() as editor,
        ):
            editor.deferred_sql.append(REFUSED["aggregates"][1])
        assert _parts(TEMPLATE) == before


LATE = "ALTER TABLE t ALTER id RESTART WITH 1000"
SERIAL = "CREATE TABLE t (id serial); ALTER SEQUENCE t_id_seq RENAME TO s;"
SEQUENCES = {
    "of no column": ("CREATE SEQUENCE s START 5; SELECT setval('s', 9)", 10),
    "of no column, untouched": ("CREATE SEQUENCE s START 5", 5),
    "of a column": (SERIAL, 1),
    "of a column that starts late": (
        f"CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s)); {LATE}",
        1000,
    ),
    "of a column, that has counted rows": (f"{SERIAL} INSERT INTO t DEFAULT VALUES", 1),
}


@pytest.mark.parametrize("kind", SEQUENCES)
def test_sequences_of_a_copy(kind: str) -> None:
    statements, first = SEQUENCES[kind]
    with _template() as cursor:
        cursor.execute(statements)
        _copy(cursor)
        cursor.execute(f"SELECT nextval('{NEW}.s')")
        assert cursor.fetchone() == (first,)


EXTENSIONS = {
    "CREATE EXTENSION citext": "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public",
    'create extension if not exists "pg_trgm";': (
        'CREATE EXTENSION IF NOT EXISTS "pg_trgm" SCHEMA public;'
    ),
    "CREATE EXTENSION cube WITH VERSION '1.5' CASCADE": (
        "CREATE EXTENSION IF NOT EXISTS cube SCHEMA public VERSION '1.5' CASCADE"
    ),
    "CREATE EXTENSION cube WITH SCHEMA other": (
        "CREATE EXTENSION IF NOT EXISTS cube WITH SCHEMA other"
    ),
    "CREATE EXTENSION\n  cube; CREATE EXTENSION isn": (
        "CREATE EXTENSION IF NOT EXISTS cube SCHEMA public; "
        "CREATE EXTENSION IF NOT EXISTS isn SCHEMA public"
    ),
    " DROP EXTENSION IF EXISTS citext CASCADE; ": "",
    "DROP TABLE a; drop extension citext; DROP TABLE b": "DROP TABLE a;; DROP TABLE b",
    "DROP TABLE extension": "DROP TABLE extension",
}


@pytest.mark.parametrize("statement", EXTENSIONS)
def test_extensions_are_created_in_the_shared_schema(statement: str) -> None:
    assert adapt(statement) == EXTENSIONS[statement]


class _LeftAsItWas(Exception):
    """An error that ends a recording before it commits."""


def test_extension_created_by_python() -> None:
    connection = connections[OWNER]
    with _template() as cursor, suppress(_LeftAsItWas), recorded(TEMPLATE, connection):
        with connection.schema_editor() as editor:
            with connection.cursor() as inside:
                inside.execute("CREATE EXTENSION citext")
            editor.execute("ALTER TABLE sample_label ALTER word TYPE citext")
        cursor.execute(
            "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'citext'"
        )
        assert cursor.fetchone() == (PUBLIC,)
        _copy(cursor)
        assert "sample_label: word public.citext NOT NULL" in _parts(NEW)
        raise _LeftAsItWas


@pytest.mark.django_db(transaction=True)
def test_migrate_names_uncopyable_objects(deployment: Deployment, provisioning: None) -> None:
    tenant = create_tenant(slug="acme", name="Acme")
    aggregate = "CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int)"
    deployment.add(f"migrations.RunSQL({aggregate!r}, 'DROP AGGREGATE total (int)'),")
    result = deployment.run("migrate", "--skip-checks")
    assert result.returncode == 1
    assert result.stdout.rstrip().endswith(f"Applying sample.{deployment.names[-1]}...")
    assert "lack: aggregate total(integer). Create them in the schema public" in result.stderr
    assert "Traceback" not in result.stderr
    for schema in (TEMPLATE, physical_name(tenant.pk)):
        with connections[OWNER].cursor() as cursor:
            cursor.execute(f"SELECT max(name) FROM {schema}.django_migrations WHERE app = 'sample'")
            assert cursor.fetchone() == (deployment.names[0],)
