"""Settings that stop the start, and settings that stand the test of deployment."""

from io import StringIO

import pytest
from django.core.management import call_command

from tests.support import at_once, manage, run

pytestmark = pytest.mark.django_db

START = "import config.settings.production"
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "a-long-random-text-0123456789-abcdefghijklmnopqrstuvwxyz",
    "JWT_SIGNING_KEY": "another-long-random-text-0123456789-abcdefghijklmnopqr",
    "SHARED_HOSTS": "example.com,api.example.com",
    "TENANT_BASE_DOMAIN": "example.com",
}


def test_production_settings_pass_the_deployment_check() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "variable",
    ["DATABASE_URL", "SECRET_KEY", "JWT_SIGNING_KEY", "SHARED_HOSTS", "TENANT_BASE_DOMAIN"],
)
def test_production_does_not_start_without(variable: str) -> None:
    """Left empty, since a .env of this machine may hold what the environment leaves out."""
    done = run("-c", START, **PRODUCTION | {variable: ""})
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].endswith(f": {variable}.")


def test_production_names_all_that_is_missing_at_once() -> None:
    done = run("-c", START, **PRODUCTION | {"SECRET_KEY": "", "DATABASE_URL": ""})
    assert done.stderr.splitlines()[-1].endswith(": DATABASE_URL, SECRET_KEY.")


def test_development_settings_use_nothing_deprecated() -> None:
    local = {"DJANGO_SETTINGS_MODULE": "config.settings.local"}
    done = run("-W", "error", "-c", "import django; django.setup()", **local)
    assert done.returncode == 0, done.stderr


def test_models_and_migrations_agree() -> None:
    output, options = StringIO(), {"check_changes": True, "dry_run": True}
    # In a thread of its own, which like a new process is connected to no tenant.
    at_once(1, lambda: call_command("makemigrations", stdout=output, **options))
    assert output.getvalue() == "No changes detected\n"


def test_what_a_database_address_says_wins_over_the_defaults() -> None:
    settings = "from django.conf import settings; print(settings.DATABASES['owner']['OPTIONS'])"
    address = "postgres://o:p@db.invalid/x?sslmode=verify-full&connect_timeout=9"
    done = run(
        "-c", settings, DJANGO_SETTINGS_MODULE="config.settings.test", DATABASE_OWNER_URL=address
    )
    assert "'sslmode': 'verify-full'" in done.stdout
    assert "'connect_timeout': 9" in done.stdout


def test_a_cache_is_shared_where_an_address_says() -> None:
    ask = "from django.conf import settings; print(settings.CACHES['default'])"
    done = run("-c", ask, CACHE_URL="redis://cache.invalid:6379/1", **PRODUCTION)
    assert "'django.core.cache.backends.redis.RedisCache'" in done.stdout
    assert "'redis://cache.invalid:6379/1'" in done.stdout
