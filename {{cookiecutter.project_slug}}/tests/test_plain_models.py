"""Plain models of tenant apps, as in reusable apps, and such apps' checks and signals."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import checks
from django.core.checks.registry import registry
from django.core.management.sql import emit_post_migrate_signal
from django.db import models, router
from django.db.migrations.state import ModelState
from django.db.models.signals import post_migrate
from django.test.utils import isolate_apps

from apps.isolation import NoTenantError, WrongTenantError, tenant_context
from apps.isolation.app_registry import OWNER, _open_tenant_apps
from apps.isolation.managers import TenantQuerySet
from apps.isolation.ownership import TenantBoundModel
from tests.sample.models import Shelf


class LoudQuerySet(models.QuerySet[Any]):
    """A queryset of a reusable app."""

    def loud(self) -> "LoudQuerySet":
        return self.filter(text__endswith="!")


class LoudManager(models.Manager[Any]):
    """A manager that migrations use."""

    use_in_migrations = True


class Noted(models.Model):
    """An abstract model of a reusable app."""

    text = models.CharField(max_length=9)

    inherited = LoudManager()

    class Meta:
        abstract = True


@pytest.fixture
def tag() -> Iterator[Any]:
    """Return a model of a reusable app, and one with an automatic many-to-many relation to it."""
    with isolate_apps("tests.sample"):

        class Tag(Noted):
            others = models.ManyToManyField("self")

            loud = LoudQuerySet.as_manager()
            objects = models.Manager["Tag"]()

            class Meta:
                app_label = "sample"

            def __str__(self) -> str:
                return self.text

        yield Tag


def test_object_is_unusable_in_another_tenant(tag: Any, acme: Any, globex: Any) -> None:
    with tenant_context(acme):
        row = tag(pk=1, text="a")
    row.pk = None
    with tenant_context(globex):
        for use in (row.save, row.refresh_from_db, lambda: tag.objects.bulk_create([row])):
            with pytest.raises(WrongTenantError):
                use()
    with pytest.raises(NoTenantError):
        tag(text="a").save()
    for model in (tag, tag.others.through):
        assert issubclass(model, TenantBoundModel)


def test_all_managers_create_bound_querysets(tag: Any, acme: Any, globex: Any) -> None:
    for manager in (*tag._meta.managers, *tag.others.through._meta.managers):
        with pytest.raises(NoTenantError):
            list(manager.all())
        with tenant_context(acme):
            rows = manager.all()
        with tenant_context(globex), pytest.raises(WrongTenantError):
            list(rows)
        assert isinstance(rows, TenantQuerySet)
    with tenant_context(acme):
        related = tag(pk=1).others.all()
        loud = tag.loud.loud()
    with tenant_context(globex):
        for rows in (related, loud):
            with pytest.raises(WrongTenantError):
                list(rows)


def test_managers_look_unchanged_to_django(tag: Any) -> None:
    """The order is unchanged, and migrations write the original classes."""
    assert [manager.name for manager in tag._meta.managers] == ["loud", "objects", "inherited"]
    assert tag._default_manager.name == "loud"
    state = ModelState.from_model(tag)
    names = {name: type(manager) for name, manager in state.managers}
    assert names["loud"] is models.Manager
    (kept,) = (manager for name, manager in state.managers if name == "inherited")
    assert LoudManager() == kept
    assert kept.deconstruct()[1] == f"{__name__}.LoudManager"
    assert state.bases == (models.Model,)


def test_system_checks_may_use_the_router() -> None:
    asked = []

    def check(app_configs: Any, **kwargs: Any) -> list[Any]:
        asked.append(router.db_for_read(Shelf))
        return []

    checks.register(check)
    try:
        checks.run_checks()
    finally:
        registry.registered_checks.discard(check)
    assert len(asked) == 1
    with pytest.raises(NoTenantError):
        router.db_for_read(Shelf)


@pytest.mark.django_db
def test_receivers_of_post_migrate_write_no_tenant_data() -> None:
    # Connected before the last receiver of apps.isolation, as other apps' receivers are.
    post_migrate.disconnect(_open_tenant_apps)
    before = router.allow_migrate_model(OWNER, Shelf)
    allowed = []

    def write_first_rows(**kwargs: Any) -> None:
        allowed.append(router.allow_migrate_model(OWNER, Shelf))

    post_migrate.connect(write_first_rows)
    try:
        emit_post_migrate_signal(0, False, OWNER)
    finally:
        post_migrate.disconnect(write_first_rows)
    assert allowed
    assert not any(allowed)
    assert router.allow_migrate_model(OWNER, Shelf) == before
