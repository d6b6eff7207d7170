"""Tables of apps that know nothing of tenants, and later migrations over equal rows."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import DatabaseError, IntegrityError, connection, connections, migrations, models
from django.db.migrations.state import ModelState
from django.db.models import Func

from apps.isolation import ActiveTenant, WrongTenantError, tenant_context
from apps.isolation.app_registry import OWNER
from apps.isolation.fields import new_id
from apps.isolation.strategy.convergence import UnknownOwnerError, converge
from apps.isolation.strategy.models import TenantForeignKey
from tests.strategy.histories import HISTORIES, ID, USE, WORD, unique
from tests.strategy.upstream import Upstream, as_tenant, as_the_owner, upstream

__all__ = ["upstream"]

EQUAL = "INSERT INTO sample_word (text, \"group\", number) VALUES ('same', 'g', 1) RETURNING id"


@pytest.fixture
def words(upstream: Upstream, acme: Any, globex: Any) -> dict[Any, int]:
    """Create the app's first tables, with equal rows in two tenants; return the words' ids."""
    upstream.apply(WORD)
    upstream.apply(USE)
    ids = {}
    for tenant in (acme, globex):
        ((ids[tenant],),) = as_tenant(tenant, EQUAL)
        ((use,),) = as_tenant(
            tenant, "INSERT INTO sample_use (word_id) VALUES (%s) RETURNING id", ids[tenant]
        )
        as_tenant(
            tenant,
            "INSERT INTO sample_use_words (use_id, word_id) VALUES (%s, %s)",
            use,
            ids[tenant],
        )
    return ids


def test_tenants_may_have_equal_rows(words: dict[Any, int], upstream: Upstream, acme: Any) -> None:
    assert upstream.violations() == []
    for tenant, row in words.items():
        assert as_tenant(tenant, "SELECT id, text FROM sample_word") == [(row, "same")]
        assert as_tenant(tenant, "SELECT word_id FROM sample_use_words") == [(row,)]
    with pytest.raises(IntegrityError):
        as_tenant(acme, EQUAL)
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM sample_word")
        assert cursor.fetchall() == []


REFUSED = {
    "a row for another tenant": 'INSERT INTO sample_word (text, "group", number, tenant_id) '
    "VALUES ('new', 'g', 1, %(other)s)",
    "a row for nobody": 'INSERT INTO sample_word (text, "group", number, tenant_id) '
    "VALUES ('new', 'g', 1, NULL)",
    "a row given away": "UPDATE sample_word SET tenant_id = %(other)s",
    "a row given to nobody": "UPDATE sample_word SET tenant_id = NULL",
    "a key to another's row": "UPDATE sample_use SET word_id = %(word)s",
    "a new row that refers to another's": "INSERT INTO sample_use (word_id) VALUES (%(word)s)",
    "a pair with another's row": "UPDATE sample_use_words SET word_id = %(word)s",
}


@pytest.mark.parametrize("sql", REFUSED.values(), ids=REFUSED)
def test_raw_sql_reaches_no_foreign_rows(
    sql: str, words: dict[Any, int], acme: Any, globex: Any
) -> None:
    with (
        pytest.raises((WrongTenantError, IntegrityError)),
        tenant_context(acme),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, {"other": globex.id, "word": words[globex]})


def test_row_requires_an_existing_tenant(words: dict[Any, int]) -> None:
    with pytest.raises(IntegrityError, match="tenants_tenant"):
        as_tenant(ActiveTenant(new_id()), EQUAL)


def test_row_without_a_tenant_is_refused(words: dict[Any, int]) -> None:
    with pytest.raises(WrongTenantError), connection.cursor() as cursor:
        cursor.execute(EQUAL)


CONFLICTS = {
    "unique": (["text"], {"text": "same"}),
    "primary key": (["id"], {"text": "other"}),
}


@pytest.mark.parametrize(("target", "values"), CONFLICTS.values(), ids=CONFLICTS)
def test_on_conflict_updates_the_tenants_row_only(
    target: list[str], values: dict[str, str], words: dict[Any, int], upstream: Upstream
) -> None:
    acme, globex = words
    model: Any = upstream.state.apps.get_model("sample", "Word")
    row = model(id=words[acme], number=7, **values)
    with tenant_context(acme):
        model.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=target, update_fields=["number"]
        )
        model.objects.bulk_create([row], ignore_conflicts=True)
    assert as_tenant(acme, "SELECT number FROM sample_word") == [(7,)]
    assert as_tenant(globex, "SELECT number FROM sample_word") == [(1,)]
    theirs = model(id=words[globex], number=8, text="another")
    with tenant_context(acme), pytest.raises((IntegrityError, WrongTenantError)):
        model.objects.bulk_create(
            [theirs], update_conflicts=True, unique_fields=["id"], update_fields=["number"]
        )


@pytest.mark.parametrize("operations", HISTORIES.values(), ids=HISTORIES)
def test_migrations_run_over_equal_rows_and_back(
    operations: list[Any], words: dict[Any, int], upstream: Upstream
) -> None:
    reversible = [*operations]
    for operation in reversible:
        upstream.apply(operation)
        assert upstream.violations() == []
    for _ in reversible:
        upstream.unapply()
        assert upstream.violations() == []
    for tenant, row in words.items():
        assert as_tenant(tenant, "SELECT id FROM sample_word") == [(row,)]


def test_user_may_have_a_row_in_each_tenant(words: dict[Any, int], upstream: Upstream) -> None:
    user = get_user_model().objects.create_user("a@example.test", "correct horse battery staple")
    upstream.apply(*HISTORIES["a primary key that is a user"])
    for tenant in words:
        as_tenant(tenant, "INSERT INTO sample_profile (user_id) VALUES (%s)", user.pk)
        assert as_tenant(tenant, "SELECT user_id FROM sample_profile") == [(user.pk,)]


def test_second_run_changes_nothing(words: dict[Any, int], upstream: Upstream) -> None:
    upstream.apply(*HISTORIES["SQL"], *HISTORIES["inheritance"])
    query = """
        SELECT oid, conname, pg_get_constraintdef(oid) FROM pg_constraint UNION ALL
        SELECT oid, polname, polrelid::text FROM pg_policy UNION ALL
        SELECT indexrelid, pg_get_indexdef(indexrelid), '' FROM pg_index ORDER BY 1, 2
    """
    before = as_the_owner(query)
    with connections[OWNER].cursor() as cursor:
        converge(cursor, [])
    assert as_the_owner(query) == before


def test_names_of_constraints_stay(words: dict[Any, int], upstream: Upstream) -> None:
    upstream.apply(unique("group"), *HISTORIES["SQL"])
    names = as_the_owner(
        "SELECT count(*) FROM pg_class WHERE relname = ANY (ARRAY['word_unique', 'by_hand'])"
    )
    keys = as_the_owner(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'to_word'"
    )
    assert names == [(2,)]
    assert "(word_id, tenant_id) REFERENCES sample_word(id, tenant_id)" in keys[0][0]
    assert "ON DELETE SET NULL (word_id)" in keys[0][0]


def _write_for_nobody(apps: Any, editor: Any) -> None:
    word = apps.get_model("sample", "Word").objects.create(text="nobody's")
    apps.get_model("sample", "Use").objects.create(word=word)


def test_rows_of_a_migration_without_a_tenant_are_deleted(
    words: dict[Any, int], upstream: Upstream
) -> None:
    upstream.apply(migrations.RunPython(_write_for_nobody))
    assert as_the_owner("SELECT count(*) FROM sample_word") == [(2,)]
    assert as_the_owner("SELECT count(*) FROM sample_use") == [(2,)]


def test_table_with_rows_without_a_tenant_is_not_converted(upstream: Upstream) -> None:
    make = "CREATE TABLE sample_word (id int PRIMARY KEY); INSERT INTO sample_word VALUES (1)"
    with pytest.raises(UnknownOwnerError, match=r"sample_word.*SHARED_APPS"):
        upstream.apply(
            migrations.RunSQL(make, state_operations=[WORD]),
            migrations.AddField("word", "more", models.IntegerField(null=True, unique=True)),
        )
    assert as_the_owner("SELECT to_regclass('sample_word')::text") == [(None,)]


def test_table_created_by_sql_is_converted(upstream: Upstream) -> None:
    as_the_owner("CREATE TABLE sample_word (id int PRIMARY KEY, text text UNIQUE)")
    upstream.state.add_model(ModelState("sample", "Word", [ID]))
    with connections[OWNER].cursor() as cursor:
        converge(cursor, ["sample_word"])
    assert upstream.violations() == []


def test_view_shows_the_tenants_rows(words: dict[Any, int], upstream: Upstream) -> None:
    upstream.apply(
        migrations.RunSQL(
            "CREATE VIEW word_view AS SELECT id FROM sample_word", "DROP VIEW word_view"
        )
    )
    for tenant, row in words.items():
        assert as_tenant(tenant, "SELECT id FROM word_view") == [(row,)]
    upstream.unapply()


def test_exclusion_constraint_includes_the_tenant_or_explains(
    words: dict[Any, int], upstream: Upstream
) -> None:
    by_hand = "ALTER TABLE sample_use ADD CONSTRAINT once EXCLUDE (id WITH =)"
    upstream.apply(migrations.RunSQL(by_hand))
    ((definition,),) = as_the_owner(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'once'"
    )
    assert definition == "EXCLUDE USING btree (tenant_id WITH =, id WITH =)"
    without = (
        "ALTER TABLE sample_use ADD CONSTRAINT other EXCLUDE USING gist (point(id, 1) WITH ~=)"
    )
    constraint = ExclusionConstraint(
        name="other", expressions=[(Func("id", 1, function="point"), "~=")]
    )
    for operation in (migrations.RunSQL(without), migrations.AddConstraint("use", constraint)):
        with pytest.raises(DatabaseError) as caught:
            upstream.apply(operation)
        assert any("btree_gist" in note for note in caught.value.__notes__)


def test_renamed_models_and_tables(upstream: Upstream, acme: Any) -> None:
    """Migrations of a TenantModel work after a table was renamed."""
    tenant = TenantForeignKey(settings.TENANT_MODEL, models.PROTECT, db_index=False)
    key = models.ForeignKey("sample.Frame", models.CASCADE, db_index=False)
    fields = [("id", models.UUIDField(primary_key=True)), ("tenant", tenant)]
    index = models.Index(fields=["tenant", "frame"], name="sample_picture_frame")
    upstream.apply(
        migrations.CreateModel("Frame", fields, {"unique_together": {("id", "tenant")}}),
        migrations.CreateModel("Picture", [*fields, ("frame", key)]),
        migrations.AddIndex("picture", index),
    )
    for operation in (
        migrations.RenameModel("Frame", "Fence"),
        migrations.AlterModelTable("fence", "fences"),
        migrations.RenameModel("Picture", "Poster"),
        migrations.RenameIndex("poster", "sample_poster_frame", old_name="sample_picture_frame"),
        migrations.CreateModel("Frame", fields),
    ):
        upstream.apply(operation)
        assert upstream.violations() == []
    for _ in range(5):
        upstream.unapply()
        assert upstream.violations() == []


def test_tenant_of_a_model_is_added_and_removed_over_rows(
    words: dict[Any, int], upstream: Upstream
) -> None:
    """A plain model becomes a TenantModel; circular references end with the same operation."""
    for is_null in (True, False):
        tenant = TenantForeignKey(
            settings.TENANT_MODEL, models.PROTECT, null=is_null, db_index=False
        )
        upstream.apply(migrations.AddField("word", "tenant", tenant))
        assert upstream.violations() == []
        for each, row in words.items():
            assert as_tenant(each, "SELECT id, tenant_id FROM sample_word") == [(row, each.id)]
        upstream.unapply()
        assert upstream.violations() == []
        for each, row in words.items():
            assert as_tenant(each, "SELECT id FROM sample_word") == [(row,)]
            as_tenant(each, "UPDATE sample_word SET number = 2")
