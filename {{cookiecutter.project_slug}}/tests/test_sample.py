"""The app that the tests use instead of a product."""

import pytest

from tests.support import manage, run
from tests.test_settings import PRODUCTION

pytestmark = pytest.mark.django_db

LOCAL = {"DJANGO_SETTINGS_MODULE": "config.settings.local"}
INSTALLED = "from django.conf import settings; print(*settings.INSTALLED_APPS)"


def test_each_model_of_the_tests_settings_has_its_migration() -> None:
    # By a process of its own: the command reads from each connection that is open in this one.
    done = manage("makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("settings", "installed"), [(LOCAL, {"devtools"}), (PRODUCTION, set())])
def test_other_settings_do_not_have_it(settings: dict[str, str], installed: set[str]) -> None:
    done = run("-c", INSTALLED, **settings)
    assert {*done.stdout.split()} & {"devtools", "tests.sample"} == installed, done.stderr
    assert "apps.isolation" in done.stdout
