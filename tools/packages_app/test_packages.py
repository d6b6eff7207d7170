"""Equal rows of reusable apps, and of models of every kind, in two tenants."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import reversion
from auditlog.context import set_actor
from auditlog.models import LogEntry
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.flatpages.models import FlatPage
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application
from oauth2_provider.oauth2_backends import get_oauthlib_core
from rest_framework.exceptions import ValidationError
from reversion.models import Version
from studio.models import (
    Actor,
    Chapter,
    Entry,
    Passport,
    Person,
    PersonResource,
    Remark,
    TaggedByUUID,
    Team,
)
from tablib import Dataset
from taggit.models import Tag

from apps.isolation import NoTenantError, SharedJoinError, WrongTenantError, tenant_context
from apps.isolation.app_registry import is_tenant_model
from apps.isolation.integrations.rest_framework import TenantModelSerializer
from apps.isolation.testing import IDS_ARE_UNIQUE_AMONG_TENANTS
from apps.privacy import data_subject
from config.env import BASE_DIR
from config.settings.test import TENANT_APPS as OWN_APPS

pytestmark = pytest.mark.django_db(transaction=True)
TENANT_ID = "tenant_id"
TOKEN = "same"  # noqa: S105 - of this test only
JOINS_USERS = settings.SHARED_DB == "default"


def fill(tenant: Any) -> None:
    """Create a row of every model for a tenant, with the same values in every tenant."""
    user = get_user_model().objects.get(email="everybody@example.test")
    with tenant_context(tenant):
        person = Person.objects.create(name="Ada", by=user)
        person.name = "Ada L."
        person.save()
        person.tags.add("red", "blue")
        with set_actor(user):
            Passport.objects.create(person=person)
        Actor.objects.create(name="Bob", stage_name="Bobby")
        with reversion.create_revision():
            team = Team.objects.create(name="One", captain=user, colours=["red"])
            reversion.set_user(user)
        team.members.add(person)
        Remark.objects.create(subject=team)
        if JOINS_USERS:
            fill_waffle(user, is_active=tenant.slug == "acme")
        Chapter.add_root(name="A").add_child(name="B")
        Entry.objects.create(amount=1)
        fill_oauth(user)
        site = Site.objects.create(domain="example.test", name="example")
        page = FlatPage.objects.create(url="/about/", title="About")
        page.sites.add(site)


def fill_waffle(user: Any, *, is_active: bool) -> None:
    """Give a tenant a switch, and a flag for one user."""
    from waffle.models import Flag, Switch  # noqa: PLC0415 - not everywhere installed

    Switch.objects.create(name="beta", active=is_active)
    Flag.objects.create(name="new").users.add(user)


def fill_oauth(user: Any) -> None:
    """Give a tenant an application, and a token for it, whose values are everybody's."""
    kinds = {"client_type": "confidential", "authorization_grant_type": "client-credentials"}
    application = Application.objects.create(client_id="same", name="App", user=user, **kinds)
    AccessToken.objects.create(
        user=user,
        token=TOKEN,
        application=application,
        expires=timezone.now() + timedelta(days=1),
        scope="read",
    )


@pytest.fixture
def two(acme: Any, globex: Any) -> tuple[Any, Any]:
    """Return two tenants with equal rows of every model."""
    get_user_model().objects.create_user("everybody@example.test", "correct horse battery staple")
    fill(acme)
    fill(globex)
    return acme, globex


def of_packages() -> list[Any]:
    """Return the models, including automatic ones, except those that stay empty."""
    labels = {"taggit", "waffle", "sites", "flatpages", "reversion", "auditlog", "studio"}
    labels |= {"oauth2_provider"}
    empty = {"taggit.TaggedItem", "waffle.Sample", "waffle.Flag_groups", "oauth2_provider.Grant"}
    empty |= {f"oauth2_provider.{name}" for name in ("IDToken", "RefreshToken", "DeviceGrant")}
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


def test_packages_work_in_a_tenant(two: tuple[Any, Any]) -> None:
    for tenant in two:
        with tenant_context(tenant):
            person = Person.objects.get(name="Ada L.")
            assert sorted(person.tags.names()) == ["blue", "red"]
            assert Person.objects.filter(tags__name__in=["red"]).get() == person
            assert [tag.name for tag in Tag.objects.filter(slug="red")] == ["red"]
            assert [each.name for each in person.history.all()] == ["Ada L.", "Ada"]
            assert person.history.earliest().instance.name == "Ada"
            assert FlatPage.objects.get(sites__domain="example.test").url == "/about/"
            assert Actor.objects.get(stage_name="Bobby").name == "Bob"
            user = get_user_model().objects.get()
            assert Team.objects.get(members__name="Ada L.").captain == user
            assert {tag.num_times for tag in Person.tags.most_common()} == {1}
            assert Remark.objects.get().subject == Team.objects.get()


def test_versions_are_reverted(two: tuple[Any, Any]) -> None:
    for tenant in two:
        with tenant_context(tenant):
            team = Team.objects.get()
            Team.objects.update(name="Changed")
            (version,) = Version.objects.get_for_object(team)
            assert version.revision.user == get_user_model().objects.get()
            version.revision.revert()
            assert Team.objects.get().name == "One"
            team.delete()
            deleted = Version.objects.get_deleted(Team)
            assert [each.field_dict["name"] for each in deleted] == ["One"]


def test_changes_are_logged(two: tuple[Any, Any]) -> None:
    for tenant in two:
        with tenant_context(tenant):
            passport = Passport.objects.get()
            passport.number = "2"
            passport.save()
            update, create = LogEntry.objects.get_for_object(passport)
            assert create.actor == get_user_model().objects.get()
            assert update.changes_dict == {"number": ["1", "2"]}
            assert LogEntry.objects.filter(content_type__model="passport").count() == 2


def test_tokens_are_the_tenants(two: tuple[Any, Any], rf: Any) -> None:
    request = rf.get("/", headers={"authorization": f"Bearer {TOKEN}"})
    acme, globex = two
    with tenant_context(globex):
        AccessToken.objects.all().delete()
        assert not get_oauthlib_core().verify_request(request, scopes=["read"])[0]
    with tenant_context(acme):
        is_valid, found = get_oauthlib_core().verify_request(request, scopes=["read"])
        assert is_valid
        assert found.user == get_user_model().objects.get()
        assert found.access_token.application.client_id == "same"


def test_rows_are_exported_and_imported(two: tuple[Any, Any]) -> None:
    acme, globex = two
    with tenant_context(acme):
        assert sorted(PersonResource().export()["name"]) == ["Ada L.", "Bob"]
        PersonResource().import_data(Dataset(["Eve"], headers=["name"]), raise_errors=True)
        assert Person.objects.filter(name="Eve").exists()
    with tenant_context(globex):
        assert not Person.objects.filter(name="Eve").exists()


def test_trees_are_the_tenants(two: tuple[Any, Any]) -> None:
    acme, globex = two
    with tenant_context(acme):
        (root,) = Chapter.get_root_nodes()
        assert [child.name for child in root.get_children()] == ["B"]
        Chapter.add_root(name="C").move(root, "first-child")
        assert [row.name for row in Chapter.get_tree()] == ["A", "C", "B"]
        assert Chapter.find_problems() == ([], [], [], [], [])
    with tenant_context(globex):
        assert [row.name for row in Chapter.get_tree()] == ["A", "B"]
        assert Chapter.find_problems() == ([], [], [], [], [])


def test_triggers_hold_in_each_tenant(two: tuple[Any, Any]) -> None:
    for tenant in two:
        with tenant_context(tenant), pytest.raises(DatabaseError, match="pgtrigger"):
            Entry.objects.get().delete()


def test_arrays_are_searched(two: tuple[Any, Any]) -> None:
    with tenant_context(two[0]):
        assert Team.objects.filter(colours__contains=["red"]).count() == 1


def test_users_are_joined_where_they_are_in_the_same_database(two: tuple[Any, Any]) -> None:
    user = get_user_model().objects.get()
    with tenant_context(two[0]):
        for rows in (
            Team.objects.filter(captain__email__startswith="everybody"),
            AccessToken.objects.select_related("user"),
            get_user_model().objects.filter(oauth2_provider_accesstoken__token=TOKEN),
        ):
            if JOINS_USERS:
                assert rows.get()
            else:
                with pytest.raises(SharedJoinError):
                    rows.get()
        if not JOINS_USERS:
            with pytest.raises(ProtectedError, match="erase_user_data"):
                user.delete()


needs_joins = pytest.mark.skipif(not JOINS_USERS, reason="users are in another database")


@needs_joins
def test_flags_are_the_tenants(two: tuple[Any, Any], rf: Any) -> None:
    from waffle import flag_is_active, switch_is_active  # noqa: PLC0415 - not everywhere installed

    request = rf.get("/")
    request.user = get_user_model().objects.get()
    for tenant in two:
        with tenant_context(tenant):
            assert switch_is_active("beta") == (tenant.slug == "acme")
            assert flag_is_active(request, "new")


@needs_joins
def test_permissions_on_objects_are_the_tenants(two: tuple[Any, Any]) -> None:
    from guardian.shortcuts import assign_perm, get_objects_for_user  # noqa: PLC0415 - as above

    acme, globex = two
    user = get_user_model().objects.get()
    with tenant_context(acme):
        assign_perm("studio.view_team", user, Team.objects.get())
        assert get_objects_for_user(user, "studio.view_team").count() == 1
    with tenant_context(globex):
        assert get_objects_for_user(user, "studio.view_team").count() == 0


def test_no_tenant_raises(two: tuple[Any, Any]) -> None:
    for model in of_packages():
        with pytest.raises(NoTenantError):
            list(model._default_manager.all())
        with pytest.raises(NoTenantError):
            model().save()


def test_what_is_one_tenants_is_used_in_no_other(two: tuple[Any, Any]) -> None:
    acme, globex = two
    for model in of_packages():
        if model is Chapter:  # its manager makes querysets of its own
            continue
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
            (Application, {"client_id": "same"}),
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
        if theirs is None:
            continue
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
    call_command("check")
    out = StringIO()
    call_command("migrate", "--plan", stdout=out)
    assert "No planned migration operations" in out.getvalue()
    for tenant in two:
        with tenant_context(tenant):
            assert Site.objects.count() == 1
            assert TaggedByUUID.objects.count() == 2


def test_the_page_lists_what_was_tried() -> None:
    text = (BASE_DIR / "docs" / "third-party-apps.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([\w.]+)` \| (works|refused)", text, re.MULTILINE))
    works = {name for name, result in listed.items() if result == "works"}
    assert works == {*settings.TENANT_APPS} - {*OWN_APPS, "studio"}
    assert listed.keys() - works == (set() if JOINS_USERS else {"guardian", "waffle"})


def test_what_refers_to_a_user_is_found(two: tuple[Any, Any]) -> None:
    acme, globex = two
    user = get_user_model().objects.get()
    with tenant_context(acme):
        counts = data_subject.tally(user.pk)
        assert counts["studio.Team.captain"] == 1
        assert counts["auditlog.LogEntry.actor"] == 1
        assert counts["reversion.Revision.user"] == 1
        assert counts["oauth2_provider.AccessToken.user"] == 1
        assert not JOINS_USERS or counts["waffle.Flag_users.user"] == 1
        data_subject.erase(user.pk)
        assert not any(data_subject.tally(user.pk).values())
        assert Team.objects.get().captain is None
    with tenant_context(globex):
        assert Team.objects.get().captain == user
