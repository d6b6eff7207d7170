"""The tests' sample app."""

import pytest

from tests.support import manage, run
from tests.test_settings import PRODUCTION

pytestmark = pytest.mark.django_db

LOCAL = {"DJANGO_SETTINGS_MODULE": "config.settings.local"}
INSTALLED = "from django.conf import settings; print(*settings.INSTALLED_APPS)"


def test_sample_models_have_migrations() -> None:
    # In a separate process, since the command would use this one's open connections.
    done = manage("makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("settings", "installed"), [(LOCAL, {"devtools"}), (PRODUCTION, set())])
def test_sample_app_is_in_test_settings_only(settings: dict[str, str], installed: set[str]) -> None:
    done = run("-c", INSTALLED, **settings)
    assert {*done.stdout.split()} & {"devtools", "tests.sample"} == installed, done.stderr
    assert "apps.isolation" in done.stdout
