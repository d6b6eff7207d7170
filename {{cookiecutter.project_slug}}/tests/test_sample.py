"""The app that the tests use instead of a product."""

import pytest
from django.core.management import call_command

from tests.support import run
from tests.test_settings import PRODUCTION

pytestmark = pytest.mark.django_db

LOCAL = {"DJANGO_SETTINGS_MODULE": "config.settings.local"}
INSTALLED = "from django.conf import settings; print(*settings.INSTALLED_APPS)"


def test_each_model_of_the_tests_settings_has_its_migration() -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize(("settings", "installed"), [(LOCAL, {"devtools"}), (PRODUCTION, set())])
def test_other_settings_do_not_have_it(settings: dict[str, str], installed: set[str]) -> None:
    done = run("-c", INSTALLED, **settings)
    assert {*done.stdout.split()} & {"devtools", "tests.sample"} == installed, done.stderr
    assert "apps.isolation" in done.stdout
