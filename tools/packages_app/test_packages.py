"""Equal rows of reusable apps, and of models of every kind, in two tenants."""

from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.flatpages.models import FlatPage
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from rest_framework.exceptions import ValidationError
from studio.models import Actor, Passport, Person, Remark, TaggedByUUID, Team
from taggit.models import Tag
from waffle import flag_is_active, switch_is_active
from waffle.models import Flag, Switch

from apps.isolation import NoTenantError, WrongTenantError, tenant_context
from apps.isolation.app_registry import is_tenant_model
from apps.isolation.integrations.rest_framework import TenantModelSerializer
from apps.isolation.testing import IDS_ARE_UNIQUE_AMONG_TENANTS
from apps.privacy import data_subject

pytestmark = pytest.mark.django_db(transaction=True)
TENANT_ID = "tenant_id"


def fill(tenant: Any) -> None:
    """Create a row of every model for a tenant, with the same values in every tenant."""
    user = get_user_model().objects.get(email="everybody@example.test")
    with tenant_context(tenant):
        person = Person.objects.create(name="Ada", by=user)
        person.name = "Ada L."
        person.save()
        person.tags.add("red", "blue")
        Passport.objects.create(person=person)
        Actor.objects.create(name="Bob", stage_name="Bobby")
        team = Team.objects.create(name="One", captain=user)
        team.members.add(person)
        Remark.objects.create(subject=team)
        Switch.objects.create(name="beta", active=tenant.slug == "acme")
        Flag.objects.create(name="new", everyone=True).users.add(user)
        site = Site.objects.create(domain="example.test", name="example")
        page = FlatPage.objects.create(url="/about/", title="About")
        page.sites.add(site)


@pytest.fixture
def two(acme: Any, globex: Any) -> tuple[Any, Any]:
    """Return two tenants with equal rows of every model."""
    get_user_model().objects.create_user("everybody@example.test", "correct horse battery staple")
    fill(acme)
    fill(globex)
    return acme, globex


def of_packages() -> list[Any]:
    """Return the models, including automatic ones, except those that stay empty."""
    labels = {"taggit", "waffle", "sites", "flatpages", "studio"}
    empty = {"taggit.TaggedItem", "waffle.Sample", "waffle.Flag_groups"}
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in labels and model._meta.label not in empty
    ]


def test_equal_rows_are_each_tenants_own(two: tuple[Any, Any]) -> None:
    seen = []
    for tenant in two:
        with tenant_context(tenant):
            seen.append(
                {model: {row.pk for row in model._default_manager.all()} for model in of_packages()}
            )
    for model in of_packages():
        ours, theirs = (each[model] for each in seen)
        assert ours, model
        assert len(ours) == len(theirs), model
        # In tenants with their own tables, ids begin at 1 in each tenant.
        assert (not ours & theirs) >= IDS_ARE_UNIQUE_AMONG_TENANTS, model


def test_packages_work_in_a_tenant(two: tuple[Any, Any], rf: Any) -> None:
    for tenant in two:
        with tenant_context(tenant):
            person = Person.objects.get(name="Ada L.")
            assert sorted(person.tags.names()) == ["blue", "red"]
            assert Person.objects.filter(tags__name__in=["red"]).get() == person
            assert [tag.name for tag in Tag.objects.filter(slug="red")] == ["red"]
            assert [each.name for each in person.history.all()] == ["Ada L.", "Ada"]
            assert person.history.earliest().instance.name == "Ada"
            assert switch_is_active("beta") == (tenant.slug == "acme")
            request = rf.get("/")
            request.user = get_user_model().objects.get()
            assert flag_is_active(request, "new")
            assert FlatPage.objects.get(sites__domain="example.test").url == "/about/"
            assert Actor.objects.get(stage_name="Bobby").name == "Bob"
            assert Team.objects.get(members__name="Ada L.").captain == request.user
            assert Team.objects.filter(captain__email__startswith="everybody").exists()
            assert Remark.objects.get().subject == Team.objects.get()


def test_no_tenant_raises(two: tuple[Any, Any]) -> None:
    for model in of_packages():
        with pytest.raises(NoTenantError):
            list(model._default_manager.all())
        with pytest.raises(NoTenantError):
            model().save()


def test_what_is_one_tenants_is_used_in_no_other(two: tuple[Any, Any]) -> None:
    acme, globex = two
    for model in of_packages():
        with tenant_context(acme):
            row, rows = model._default_manager.first(), model._default_manager.all()
        row.pk = None
        with tenant_context(globex):
            for use in (row.save, row.refresh_from_db, rows.count, rows.exists):
                with pytest.raises((WrongTenantError, ValueError)):
                    use()


def test_a_value_is_unique_in_its_tenant(two: tuple[Any, Any]) -> None:
    for tenant in two:
        for model, values in (
            (Person, {"name": "Ada L."}),
            (Team, {"name": "One"}),
            (Tag, {"name": "red", "slug": "other"}),
            (Switch, {"name": "beta"}),
            (Site, {"domain": "example.test", "name": "x"}),
        ):
            with tenant_context(tenant), pytest.raises(IntegrityError), transaction.atomic():
                model._default_manager.bulk_create([model(**values)])


class TeamSerializer(TenantModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ("id", "name")


def test_a_duplicate_is_a_validation_error_of_its_field(two: tuple[Any, Any]) -> None:
    with tenant_context(two[0]):
        serializer = TeamSerializer(data={"name": "One"})
        assert serializer.is_valid()
        with pytest.raises(ValidationError) as caught:
            serializer.save()
    assert list(caught.value.detail) == ["name"]


def test_raw_sql_of_the_run_time_role_is_refused_or_its_own(two: tuple[Any, Any]) -> None:
    acme, globex = two
    for model in of_packages():
        table = model._meta.db_table
        with tenant_context(acme), connection.cursor() as cursor:
            expected = model._base_manager.count()
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            assert cursor.fetchone() == (expected,)
            if TENANT_ID not in columns(table):
                continue
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE tenant_id <> %s', [acme.id])
            assert cursor.fetchone() == (0,)
            for value in (globex.id, None):
                with pytest.raises((WrongTenantError, DatabaseError)), transaction.atomic():
                    cursor.execute(f'UPDATE "{table}" SET tenant_id = %s', [value])
        with connection.cursor() as cursor:
            cursor.execute(f'DELETE FROM "{table}"')
            assert cursor.rowcount == 0


def test_keys_lead_to_nobody_elses_rows(two: tuple[Any, Any]) -> None:
    acme, globex = two
    keys = [
        field
        for model in of_packages()
        for field in model._meta.local_fields
        if field.remote_field and field.db_constraint and is_tenant_model(field.related_model)
    ]
    assert len(keys) >= 8
    for key in keys:
        with tenant_context(globex):
            theirs = key.related_model._base_manager.values_list(key.target_field.name).first()
        with tenant_context(acme):
            if key.related_model._base_manager.filter(
                **{key.target_field.name: theirs[0]}
            ).exists():
                assert not IDS_ARE_UNIQUE_AMONG_TENANTS
                continue
        point = f'UPDATE "{key.model._meta.db_table}" SET "{key.column}" = %s'
        with (
            pytest.raises((IntegrityError, WrongTenantError)),
            tenant_context(acme),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(point, theirs)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def columns(table: str) -> list[str]:
    """Return the columns of a table."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}" LIMIT 0')
        return [column.name for column in cursor.description]


def test_migrate_has_nothing_more_to_do(two: tuple[Any, Any]) -> None:
    call_command("migrate", verbosity=0)
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    call_command("check")
    out = StringIO()
    call_command("migrate", "--plan", stdout=out)
    assert "No planned migration operations" in out.getvalue()
    for tenant in two:
        with tenant_context(tenant):
            assert Site.objects.count() == 1
            assert TaggedByUUID.objects.count() == 2


def test_what_refers_to_a_user_is_found(two: tuple[Any, Any]) -> None:
    acme, globex = two
    user = get_user_model().objects.get()
    with tenant_context(acme):
        counts = data_subject.tally(user.pk)
        assert counts["studio.Team.captain"] == 1
        assert counts["waffle.Flag_users.user"] == 1
        data_subject.erase(user.pk)
        assert not any(data_subject.tally(user.pk).values())
        assert Team.objects.get().captain is None
    with tenant_context(globex):
        assert Team.objects.get().captain == user
