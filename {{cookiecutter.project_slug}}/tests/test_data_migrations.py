"""Data migrations keep all rows of every tenant, forward and backward."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.isolation import tenant_context
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from config.env import BASE_DIR
from tests.sample.models import Shelf
from tests.support import manage

pytestmark = pytest.mark.usefixtures("provisioning")

MORE = "0002_more"
# It fills a column from another one, and renames a third. Each row has unique values.
MIGRATION = """
from django.db import migrations, models


def copy(apps, schema_editor):
    for shelf in apps.get_model("sample", "Shelf").objects.iterator(chunk_size=2):
        shelf.colour = f"{shelf.title}, moved"
        shelf.save(update_fields=["colour"])


def copy_back(apps, schema_editor):
    for shelf in apps.get_model("sample", "Shelf").objects.iterator(chunk_size=2):
        shelf.description = shelf.colour
        shelf.save(update_fields=["description"])


class Migration(migrations.Migration):
    dependencies = [("sample", "BEFORE")]
    operations = [
        migrations.AddField("shelf", "colour", models.TextField(default="")),
        migrations.RenameField("shelf", "name", "title"),
        migrations.RunPython(copy, copy_back),
    ]
"""


@pytest.fixture
def before() -> str:
    """Return the name of the last migration of the tests' app."""
    return max(path.stem for path in (BASE_DIR / "tests/sample/migrations").glob("0*.py"))


@pytest.fixture
def version(tmp_path: Path, before: str) -> Iterator[dict[str, str]]:
    """Return the environment of a version with one additional migration."""
    package = tmp_path / "more_migrations"
    shutil.copytree(BASE_DIR / "tests/sample/migrations", package)
    (package / f"{MORE}.py").write_text(MIGRATION.replace("BEFORE", before), encoding="utf-8")
    settings = (
        "from config.settings.test import *\nMIGRATION_MODULES = {'sample': 'more_migrations'}\n"
    )
    (tmp_path / "more_settings.py").write_text(settings, encoding="utf-8")
    variables = {"DJANGO_SETTINGS_MODULE": "more_settings", "PYTHONPATH": str(tmp_path)}
    yield variables
    # Migrate back, also after a failure, since other tests use these tables.
    manage("migrate", "--skip-checks", "sample", before, "--verbosity=0", **variables)
    assert manage("migrate", "--verbosity=0").returncode == 0


def _migrate(version: dict[str, str], *target: str) -> None:
    done = manage("migrate", "--skip-checks", "--verbosity=0", *target, **version)
    assert done.returncode == 0, done.stdout + done.stderr


def _rows(tenants: list[Tenant]) -> dict[str, list[Any]]:
    rows = {}
    for tenant in tenants:
        with tenant_context(tenant):
            rows[tenant.slug] = list(Shelf.objects.order_by("pk").values())
    return rows


def test_data_migration_preserves_data(version: dict[str, str], before: str) -> None:
    """Each row keeps its tenant and its values, and the new column has the row's own value."""
    tenants = [create_tenant(slug=slug, name=slug) for slug in ("acme", "globex", "empty")]
    for tenant in tenants[:2]:
        with tenant_context(tenant):
            for number in range(5):
                Shelf.objects.create(name=f"{tenant.slug} {number}", description="before")
    rows = _rows(tenants)
    _migrate(version)
    _migrate(version)  # a second run changes nothing
    _migrate(version, "sample", before)
    for each in [row for of_tenant in rows.values() for row in of_tenant]:
        each["description"] = f"{each['name']}, moved"
    assert _rows(tenants) == rows
    assert [len(of_tenant) for of_tenant in rows.values()] == [5, 5, 0]
