"""Plain keys from tenants' tables to shared data, and the copies of the content types."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.test.utils import isolate_apps

from apps.isolation import NoTenantError, SharedJoinError, tenant_context
from apps.isolation.strategy.connections import owner_connection
from apps.isolation.strategy.content_types import TABLE, copying_sql, shared_types
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.targets import fingerprints
from apps.isolation.testing import make_member
from apps.tenants.services import create_tenant
from tests.deployment import Deployment
from tests.sample.models import Note, Shelf

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()


def _select(database: str, query: str) -> list[Any]:
    with owner_connection(database) as owner, owner.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


# Migrations

MAKE = """
    migrations.CreateModel(
        "Team", [("id", models.BigAutoField(primary_key=True))], {"managed": False}),
"""


@pytest.mark.parametrize("options", [[], ["--one-by-one"]], ids=["all", "one by one"])
def test_migrations_copy_new_content_types(
    options: list[str], provisioning: None, deployment: Deployment
) -> None:
    create_tenant(slug="before", name="Before")
    deployment.add(MAKE)
    deployment.migrate(*options)
    create_tenant(slug="after", name="After")
    types = {row for row in shared_types() if row[1:] == ("sample", "team")}
    for name in fingerprints():
        assert {*_select(name, f"SELECT * FROM {TABLE} WHERE model = 'team'")} == types != set()


# Queries


def _model(name: str, app: str = "sample", table: str = "", /, **fields: Any) -> Any:
    """Define a model as a reusable app has it."""
    meta = type("Meta", (), {"app_label": app, "db_table": table or f"{app}_{name.lower()}"})
    return type(name, (models.Model,), {"__module__": __name__, "Meta": meta, **fields})


def _define() -> SimpleNamespace:
    options: dict[str, Any] = {"null": True, "related_name": "+"}
    team = _model(
        "Team",
        name=models.CharField(max_length=9),
        captain=models.ForeignKey(User, models.CASCADE, related_name="+"),
        coach=models.ForeignKey(User, models.SET_NULL, **options),
        owner=models.OneToOneField(User, models.PROTECT, **options),
        fans=models.ManyToManyField(User, related_name="+"),
    )
    remark = _model(
        "Remark",
        content_type=models.ForeignKey(ContentType, models.CASCADE, related_name="+"),
        object_id=models.CharField(max_length=40),
        subject=GenericForeignKey(),
        team=models.ForeignKey(team, models.CASCADE, null=True),
    )
    return SimpleNamespace(Team=team, Remark=remark)


@pytest.fixture
def plain(acme: Any) -> Iterator[Any]:
    """Return models that have tables in acme's database."""
    defined, database = _define(), physical_name(acme.id)
    with owner_connection(database) as owner, owner.schema_editor() as editor:
        for model in (defined.Team, defined.Remark):
            editor.create_model(model)
    yield defined
    with owner_connection(database) as owner, owner.schema_editor() as editor:
        for model in (defined.Remark, defined.Team):
            editor.delete_model(model)
    for name in ("team", "team_fans", "remark"):
        del apps.all_models["sample"][name]
    apps.clear_cache()


@pytest.fixture
def user(acme: Any) -> Any:
    return make_member(acme, "member").user


@pytest.fixture
def team(plain: Any, user: Any, acme: Any) -> Any:
    with tenant_context(acme):
        row = plain.Team.objects.create(name="One", captain=user, coach=user, owner=user)
        row.fans.add(user)
        plain.Remark.objects.create(subject=Shelf.objects.create(name="Moon"), team=row)
        return row


@pytest.mark.parametrize("key", ["captain", "coach", "owner"])
def test_what_a_plain_key_refers_to_is_read_by_a_query_of_its_own(
    key: str, team: Any, user: Any, acme: Any
) -> None:
    rows = type(team).objects
    with tenant_context(acme):
        assert getattr(rows.get(), key) == user
        assert getattr(rows.prefetch_related(key).get(), key) == user
        assert rows.filter(**{key: user}).exists()
        assert rows.filter(**{f"{key}__in": [user]}).exists()
        assert rows.filter(**{f"{key}__isnull": False}).exists()
        assert rows.filter(fans=user).count() == 1
        team.fans.remove(user)
        assert not rows.filter(fans=user).exists()


@pytest.mark.parametrize("key", ["captain", "coach", "owner", "fans"])
def test_a_plain_key_to_shared_data_is_not_joined(
    key: str, team: Any, plain: Any, acme: Any
) -> None:
    rows, email = plain.Team.objects, {f"{key}__email": "x"}
    with tenant_context(acme):
        for queryset in (
            rows.filter(**email),
            rows.exclude(**email),
            rows.order_by(f"{key}__email"),
            rows.values(f"{key}__email"),
            rows.annotate(email=models.F(f"{key}__email")),
            rows.all().union(rows.filter(**email)),
            plain.Remark.objects.filter(**{f"team__{key}__email": "x"}),
            plain.Remark.objects.filter(team__in=rows.filter(**email)),
            team.fans.all() if key == "fans" else rows.select_related(key),
        ):
            with pytest.raises(SharedJoinError, match=f"({key}|user) refers to shared data"):
                list(queryset)
        for write in (rows.filter(**email).delete, lambda: rows.filter(**email).update(name="x")):
            with pytest.raises(SharedJoinError):
                write()


def test_a_subquery_does_not_read_another_database(team: Any, plain: Any, acme: Any) -> None:
    rows, users = plain.Team.objects, User.objects.filter(is_active=True)
    captain = User.objects.filter(pk=models.OuterRef("captain"))
    with tenant_context(acme):
        for queryset in (
            rows.filter(captain__in=users),
            rows.filter(captain_id__in=users.values("pk")),
            rows.exclude(fans__in=users),
            rows.filter(models.Exists(captain)),
            rows.annotate(email=models.Subquery(captain.values("email")[:1])),
            rows.order_by(models.Subquery(captain.values("email")[:1])),
            plain.Remark.objects.filter(team__in=rows.filter(captain__in=users)),
            User.objects.filter(pk__in=rows.values("captain")),
            User.objects.filter(models.Exists(rows.filter(captain=models.OuterRef("pk")))),
        ):
            with pytest.raises(SharedJoinError, match=r"subquery over (User|Team) .* list\("):
                list(queryset)
        for write in (
            rows.filter(captain__in=users).delete,
            lambda: rows.filter(captain__in=users).update(name="x"),
            lambda: rows.update(name=models.Subquery(captain.values("email")[:1])),
        ):
            with pytest.raises(SharedJoinError, match="subquery over User"):
                write()
        assert rows.filter(captain__in=[*users]).get() == team
        assert plain.Remark.objects.filter(team__in=rows.filter(name="One")).exists()
        assert "EXISTS" in str(users.filter(models.Exists(users)).query)
        types = ContentType.objects.filter(model="shelf")
        assert plain.Remark.objects.filter(content_type__in=types).exists()


def test_a_generic_key_leads_to_the_row(team: Any, plain: Any, acme: Any) -> None:
    with tenant_context(acme):
        remark = plain.Remark.objects.get()
        assert remark.subject == Shelf.objects.get()
        assert plain.Remark.objects.prefetch_related("subject").get().subject == remark.subject


def test_content_types_are_joined(team: Any, plain: Any, acme: Any) -> None:
    shelf = ContentType.objects.get_for_model(Shelf)
    with tenant_context(acme):
        assert ContentType.objects.get_for_model(Shelf).pk == shelf.pk
        with connection.execute_wrapper(_only_one()):
            remark = plain.Remark.objects.select_related("content_type").get()
            assert remark.content_type == shelf
        names = plain.Remark.objects.values_list("content_type__app_label", "content_type__model")
        assert list(names) == [("sample", "shelf")]
        assert plain.Remark.objects.filter(content_type__model="shelf").exists()


def _only_one() -> Any:
    """Return a wrapper that sends one statement, and no other."""
    sent: list[str] = []

    def execute(send: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        assert len(sent) == 1
        return send(sql, params, many, context)

    return execute


# Joins


@isolate_apps("tests.sample", "apps.tenants")
def test_shared_data_is_not_joined_to_tenants_rows() -> None:
    country = _model("Country", "tenants")
    _model("Team", country=models.ForeignKey(country, models.CASCADE))
    with pytest.raises(SharedJoinError, match=r"Team\.country"):
        list(country.objects.filter(team__id=1))
    with pytest.raises(NoTenantError):
        list(country(pk=1).team_set.all())


# Content types


@pytest.mark.parametrize(
    "statement", [f"INSERT INTO {TABLE} VALUES (-1, 'a', 'b')", f"DELETE FROM {TABLE}"]
)
def test_a_tenant_reads_content_types_and_writes_none(statement: str, acme: Any) -> None:
    with tenant_context(acme), connection.cursor() as cursor:
        cursor.execute(f"SELECT id, app_label, model FROM {TABLE}")
        assert sorted(cursor.fetchall()) == sorted(shared_types())
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute(statement)


def test_migrate_repairs_the_copies(acme: Any) -> None:
    name = physical_name(acme.id)
    _run(name, f"DROP TABLE {TABLE}")
    call_command("migrate", "--one-by-one", verbosity=0)
    assert sorted(_select(name, f"SELECT * FROM {TABLE}")) == sorted(shared_types())


def test_before_there_are_content_types_nothing_is_copied() -> None:
    with owner_connection() as owner, owner.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} RENAME TO breach")
        try:
            assert copying_sql() == ""
        finally:
            cursor.execute(f"ALTER TABLE breach RENAME TO {TABLE}")


def _run(database: str, statement: str) -> None:
    with owner_connection(database) as owner, owner.cursor() as cursor:
        cursor.execute(statement)


def test_generic_key_leads_to_shared_data_too(acme: Any) -> None:
    member = make_member(acme, "member")
    with tenant_context(acme):
        shelf = Shelf.objects.create(name="One")
        for subject in (member.user, shelf):
            Note.objects.create(author=member.user, subject=subject)
        assert [note.subject for note in Note.objects.order_by("pk")] == [member.user, shelf]
        prefetched = Note.objects.order_by("pk").prefetch_related("subject")
        assert [note.subject for note in prefetched] == [member.user, shelf]
