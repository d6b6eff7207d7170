"""``migrate``: plans, backward migrations, and a renamed app."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from apps.isolation import tenant_context
from apps.isolation.app_registry import OWNER
from apps.isolation.testing import breach
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from config.env import BASE_DIR
from tests.deployment import Deployment
from tests.sample.models import Shelf
from tests.support import manage

pytestmark = pytest.mark.usefixtures("provisioning")

# A model that is gone from the code, with everything that a tenant model's migration creates.
MAKE_AND_DELETE = [
    """
    migrations.CreateModel(
        "Gone",
        [(field.name, field.clone()) for field in Label._meta.local_fields],
        {"constraints": [renamed(each) for each in Label._meta.constraints]},
    ),
    """,
    'migrations.DeleteModel("Gone"),',
]
HELPERS = """
from tests.sample.models import Label

def renamed(constraint):
    path, args, kwargs = constraint.deconstruct()
    return type(constraint)(**{**kwargs, "name": kwargs["name"].replace("label", "gone")})
"""

BREACH = (
    "CREATE FUNCTION breach() RETURNS text SECURITY DEFINER LANGUAGE sql RETURN 'x'",
    "DROP FUNCTION breach",
)


@pytest.fixture
def history(deployment: Deployment) -> Deployment:
    """Return a version whose migrations create and delete a model. A tenant exists."""
    create_tenant(slug="acme", name="Acme")
    for operations in MAKE_AND_DELETE:
        deployment.add(operations)
        path = deployment.package / f"{deployment.names[-1]}.py"
        path.write_text(HELPERS + path.read_text())
    return deployment


def _state() -> list[Any]:
    """Return the state of our tables and databases in PostgreSQL's system tables.

    Other test processes create databases meanwhile, which are not included.
    """
    ours = f"(current_database(), 't_{Tenant.objects.get(slug='acme').pk.hex}')"
    databases = f"SELECT oid FROM pg_database WHERE datname IN {ours}"
    queries = (
        "SELECT app, name FROM django_migrations",
        "SELECT nspname, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_'",
        f"SELECT objoid, description FROM pg_shdescription WHERE objoid IN ({databases})",
        "SELECT objoid, description FROM pg_description WHERE objoid > 16384",
        "SELECT oid, relname, relacl::text FROM pg_class WHERE relkind = 'r' AND oid > 16384",
        f"SELECT datname, datallowconn, datacl::text FROM pg_database WHERE datname IN {ours}",
        "SELECT oid, defaclacl::text FROM pg_default_acl",
    )
    with connections[OWNER].cursor() as cursor:
        found = []
        for query in queries:
            cursor.execute(f"{query} ORDER BY 1, 2")
            found.append(cursor.fetchall())
        return found


PLANS = [["--plan"], ["--plan", "sample"], ["--check"], ["--plan", "sample", "--prune"]]


def test_plan_changes_and_checks_nothing(history: Deployment) -> None:
    history.migrate("sample", history.names[1])
    with breach(*BREACH):
        before = _state()
        for options in PLANS:
            result = history.run("migrate", "--skip-checks", *options)
            assert result.returncode == ("--check" in options), result.stderr
            assert "violated" not in result.stderr
            assert "Delete model Gone" in result.stdout or "--check" in options
        assert _state() == before


def test_backward_migration_over_a_deleted_model_succeeds(history: Deployment) -> None:
    history.migrate()
    history.migrate("sample", history.names[1])
    history.migrate("sample", history.names[0])
    history.migrate()


def test_backward_migration_with_a_violation_fails(history: Deployment) -> None:
    history.migrate()
    with breach(*BREACH):
        result = history.run("migrate", "--skip-checks", "sample", history.names[1])
    assert (result.returncode, "violated" in result.stderr) == (1, True)


RENAMED = """
from config.settings.test import *

def renamed(names):
    return ["moved" if name == "tests.sample" else name for name in names]

TENANT_APPS = renamed(TENANT_APPS)
INSTALLED_APPS = renamed(INSTALLED_APPS)
"""


def test_renamed_app_keeps_its_rows_by_its_label(tmp_path: Path) -> None:
    with tenant_context(create_tenant(slug="acme", name="Acme")):
        Shelf.objects.create(name="of before")
    package = tmp_path / "moved"
    shutil.copytree(BASE_DIR / "tests" / "sample", package)
    for path in package.rglob("*.py"):
        path.write_text(path.read_text().replace("tests.sample", "moved"))
    config = package / "apps.py"
    config.write_text(
        config.read_text().replace('name = "moved"', 'name, label = "moved", "sample"')
    )
    (tmp_path / "moved_settings.py").write_text(RENAMED)
    environment = {"DJANGO_SETTINGS_MODULE": "moved_settings", "PYTHONPATH": str(tmp_path)}
    for command, printed in (
        (["makemigrations", "--check", "--dry-run"], "No changes"),
        (["migrate"], ""),
        (["dumpdata", "sample.shelf", "--tenant", "acme"], "of before"),
    ):
        done = manage(*command, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert printed in done.stdout
        assert "Applying" not in done.stdout
