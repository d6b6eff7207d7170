"""Keys from tenants' tables to shared data, for which the database has no constraint."""

from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.strategy.targets import fingerprints, opened_template, schema_in, target_opener
from apps.tenants.services import create_tenant
from tests.deployment import Deployment

pytestmark = pytest.mark.django_db(transaction=True)

# Migrations

MAKE = """
    migrations.CreateModel("Team", [
        ("id", models.BigAutoField(primary_key=True)),
        ("captain", models.ForeignKey("authentication.User", models.CASCADE)),
        ("owner", models.OneToOneField(
            "authentication.User", models.PROTECT, null=True, related_name="+")),
        ("kind", models.ForeignKey("contenttypes.ContentType", models.CASCADE)),
        ("shelf", models.ForeignKey("sample.Shelf", models.CASCADE)),
        ("fans", models.ManyToManyField("authentication.User", related_name="+")),
    ]),
"""
CHANGE = """
    migrations.AddField("team", "coach", models.ForeignKey(
        "authentication.User", models.SET_NULL, null=True, related_name="+")),
    migrations.AlterField("team", "captain", models.ForeignKey(
        "authentication.User", models.CASCADE, null=True)),
    migrations.AlterField("team", "owner", models.ForeignKey(
        "sample.Shelf", models.CASCADE, null=True, related_name="+")),
    migrations.AlterField("team", "shelf", models.ForeignKey(
        "authentication.User", models.CASCADE, related_name="+")),
"""
KEYS = """
    SELECT format('%s.%s > %s', conrelid::regclass, attname, confrelid::regclass)
    FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
    WHERE contype = 'f' AND conrelid::regclass::text ~ '^sample_team' ORDER BY 1
"""
TO_TEAM = "sample_team_fans.team_id > sample_team"


def _constraints() -> set[tuple[str, ...]]:
    """Return the constraints of the keys, which are the same in all tenants."""
    found = []
    with target_opener() as opened:
        for storage in fingerprints():
            with opened(storage) as connection, connection.cursor() as cursor:
                cursor.execute(KEYS)
                found.append(tuple(text for (text,) in cursor.fetchall()))
    return {*found}


def _in_template(*tables: str) -> list[str]:
    with opened_template() as (name, _):
        return [f"{schema_in(name)}.{table}" for table in tables]


@pytest.mark.parametrize("options", [[], ["--one-by-one"]], ids=["all", "one by one"])
def test_migrations_of_reusable_apps_constrain_keys_within_the_tenant_only(
    options: list[str], provisioning: None, deployment: Deployment
) -> None:
    create_tenant(slug="before", name="Before")
    with (deployment.package.parent / "more_settings.py").open("a") as more:
        more.write(f"TABLES_WITHOUT_MODELS = {_in_template('sample_team', 'sample_team_fans')}\n")
    deployment.add(MAKE)
    deployment.migrate(*options)
    create_tenant(slug="after", name="After")
    kept = {("sample_team.shelf_id > sample_shelf", TO_TEAM)}
    assert _constraints() == kept
    deployment.add(CHANGE)
    deployment.migrate(*options)
    assert _constraints() == {("sample_team.owner_id > sample_shelf", TO_TEAM)}
    assert deployment.run("check_fleet").returncode == 0
    deployment.migrate("sample", deployment.names[1], *options)
    assert _constraints() == kept


# Deletion


def _model(name: str, app: str = "sample", table: str = "", /, **fields: Any) -> Any:
    """Define a model as a reusable app has it."""
    meta = type("Meta", (), {"app_label": app, "db_table": table or f"{app}_{name.lower()}"})
    return type(name, (models.Model,), {"__module__": __name__, "Meta": meta, **fields})


@pytest.mark.parametrize(
    "on_delete",
    [
        models.CASCADE,
        models.PROTECT,
        models.RESTRICT,
        models.SET_NULL,
        models.SET_DEFAULT,
        models.SET(None),
        models.DO_NOTHING,
    ],
)
@pytest.mark.parametrize("key", [models.ForeignKey, models.OneToOneField])
@isolate_apps("tests.sample", "apps.tenants", "django.contrib.contenttypes")
def test_what_tenants_may_refer_to_is_deleted_by_nobody(on_delete: Any, key: Any) -> None:
    """Django would search tenants' rows first. Content types, which are copied, may be deleted."""
    country = _model("Country", "tenants")
    names = {name: models.CharField(max_length=100) for name in ("app_label", "model")}
    kinds = _model("ContentType", "contenttypes", "django_content_type", **names)
    keys = {"country": key(country, on_delete, null=True), "kind": key(kinds, on_delete, null=True)}
    _model("Team", **keys)
    kind = kinds.objects.using(SHARED_DB).create(app_label="sample", model="copied")
    assert kind.delete()[0] == 1
    if on_delete is models.DO_NOTHING:
        return
    with pytest.raises(models.ProtectedError, match=r"Team\.country may refer to it"):
        country(pk=1).delete()
