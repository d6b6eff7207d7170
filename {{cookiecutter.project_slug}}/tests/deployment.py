"""A newer version of the code, with additional migrations."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.env import BASE_DIR
from tests.support import manage

MIGRATION = """
from django.db import migrations, models

def shout(apps, schema_editor):
    for shelf in apps.get_model("sample", "Shelf").objects.all():
        if shelf.name == "dumb":
            raise ValueError("it cannot shout")
        shelf.name = shelf.name.upper()
        shelf.save()

class Migration(migrations.Migration):
    dependencies = [("sample", "{before}")]
    operations = [{operations}]
"""


class Deployment:
    """A newer version of the code, with additional migrations."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "more_migrations"
        shutil.copytree(BASE_DIR / "tests" / "sample" / "migrations", self.package)
        (folder / "more_settings.py").write_text(
            "from config.settings.test import *\n"
            "MIGRATION_MODULES = {'sample': 'more_migrations'}\n"
        )
        self.environment = {
            "DJANGO_SETTINGS_MODULE": "more_settings",
            "PYTHONPATH": str(folder),
        }
        self.names = [max(path.stem for path in self.package.glob("0*.py"))]

    def add(self, operations: str) -> None:
        """Add a migration."""
        text = MIGRATION.format(before=self.names[-1], operations=operations)
        self.names.append(f"{len(self.names) + 1:04}_more")
        (self.package / f"{self.names[-1]}.py").write_text(text)

    def run(self, *arguments: str) -> Any:
        """Run a command of this version."""
        return manage(*arguments, **self.environment)

    def migrate(self, *options: str) -> str:
        """Run ``migrate``; it must succeed."""
        result = self.run("migrate", "--skip-checks", *options)
        assert result.returncode == 0, result.stdout + result.stderr
        return str(result.stdout)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path)
    yield deployment
    # Migrate template and storages of the other tests back to this version.
    deployment.migrate("sample", deployment.names[0], "--verbosity=0")
    assert manage("migrate", "--verbosity=0").returncode == 0
