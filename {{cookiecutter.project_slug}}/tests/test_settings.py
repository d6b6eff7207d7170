"""Settings: missing variables, the deployment check, and important values."""

import re
from io import StringIO

import pytest
from django.core.cache import caches
from django.core.management import call_command

from config.reading import CANNOT_START
from tests.support import at_once, manage, run

pytestmark = pytest.mark.django_db

MISSING = re.compile(r"^  (\w+) is missing: it is required in production\.$", re.MULTILINE)
START = "import config.settings.production"
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "a-long-random-text-0123456789-abcdefghijklmnopqrstuvwxyz",
    "JWT_SIGNING_KEY": "another-long-random-text-0123456789-abcdefghijklmnopqr",
    "SHARED_HOSTS": "example.com,api.example.com",
    "TENANT_BASE_DOMAIN": "example.com",
}


def missing(errors: str) -> list[str]:
    """Return the missing variables that an error names."""
    assert "Traceback" not in errors
    return MISSING.findall(errors)


def test_production_settings_pass_the_deployment_check() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "variable",
    ["DATABASE_URL", "SECRET_KEY", "JWT_SIGNING_KEY", "SHARED_HOSTS", "TENANT_BASE_DOMAIN"],
)
def test_production_does_not_start_without(variable: str) -> None:
    """The variable is empty rather than unset, since a local .env may set it."""
    done = run("-c", START, **PRODUCTION | {variable: ""})
    assert done.returncode == CANNOT_START
    assert missing(done.stderr) == [variable]


def test_production_names_all_missing_variables() -> None:
    done = run("-c", START, **PRODUCTION | {"SECRET_KEY": "", "DATABASE_URL": ""})
    assert missing(done.stderr) == ["SECRET_KEY", "DATABASE_URL"]


@pytest.mark.parametrize("command", ["check", "migrate", "tenant_health_check", "create_tenant"])
def test_commands_name_missing_variables(command: str) -> None:
    """A command that needs no owner does not report its missing address."""
    wanted = PRODUCTION | {"SECRET_KEY": "", "DATABASE_OWNER_URL": ""}
    done = manage(command, **wanted)
    assert done.returncode == CANNOT_START
    assert missing(done.stderr) == ["SECRET_KEY"]
    assert "DATABASE_OWNER_URL" not in done.stderr


def test_missing_owner_address_is_reported_when_needed() -> None:
    nobody = PRODUCTION | {"DATABASE_OWNER_URL": ""}
    assert manage("check", **nobody).returncode == 0
    done = manage("migrate", **nobody)
    assert done.returncode == 1
    assert done.stderr == "DATABASE_OWNER_URL must be set for this command: docs/settings.md.\n"


def test_development_logs_each_line_once() -> None:
    local = {"DJANGO_SETTINGS_MODULE": "config.settings.local"}
    loggers = ("django", "django.request", "django.server", "apps.tenants")
    script = f"""
import django, logging
django.setup()
for name in {loggers}:
    for level in ("info", "warning", "error"):
        getattr(logging.getLogger(name), level)("logged")
"""
    assert run("-c", script, **local).stderr.count("logged") == 3 * len(loggers)


def test_development_settings_use_nothing_deprecated() -> None:
    local = {"DJANGO_SETTINGS_MODULE": "config.settings.local"}
    done = run("-W", "error", "-c", "import django; django.setup()", **local)
    assert done.returncode == 0, done.stderr


def test_gunicorn_stops_if_a_worker_cannot_start() -> None:
    """It does not restart workers that cannot start."""
    server = ("-m", "gunicorn", "config.wsgi", "--bind=127.0.0.1:0")
    done = run(*server, **PRODUCTION | {"SECRET_KEY": "", "WEB_CONCURRENCY": "1"})
    assert done.returncode == CANNOT_START
    assert missing(done.stderr) == ["SECRET_KEY"]
    assert done.stderr.count("Booting worker") == 1


def test_models_and_migrations_agree() -> None:
    output, options = StringIO(), {"check_changes": True, "dry_run": True}
    # In a new thread, which has no connection to a tenant.
    at_once(1, lambda: call_command("makemigrations", stdout=output, **options))
    assert output.getvalue() == "No changes detected\n"


def test_database_url_overrides_defaults() -> None:
    settings = "from django.conf import settings; print(settings.DATABASES['owner']['OPTIONS'])"
    address = "postgres://o:p@db.invalid/x?sslmode=verify-full&connect_timeout=9"
    done = run(
        "-c", settings, DJANGO_SETTINGS_MODULE="config.settings.test", DATABASE_OWNER_URL=address
    )
    assert "'sslmode': 'verify-full'" in done.stdout
    assert "'connect_timeout': '9'" in done.stdout


def test_cache_url_configures_redis() -> None:
    ask = "from django.conf import settings; print(settings.CACHES['default'])"
    done = run("-c", ask, CACHE_URL="redis://cache.invalid:6379/1", **PRODUCTION)
    assert "'django.core.cache.backends.redis.RedisCache'" in done.stdout
    assert "'redis://cache.invalid:6379/1'" in done.stdout


# Production settings that other parts rely on, with the reason. Change one only with care.
VALUES = {
    "CACHES['hosts']['TIMEOUT']": "0 < value <= 30",  # how long a moved domain stays stale
    "CACHES['default']['KEY_FUNCTION']": "value.endswith('.tenant_key')",
    "DATABASES['default']['CONN_MAX_AGE']": "0 <= value <= 300",
    "SIMPLE_JWT['ACCESS_TOKEN_LIFETIME'].total_seconds()": "value <= 15 * 60",
    "SIMPLE_JWT['REFRESH_TOKEN_LIFETIME'].total_seconds()": "value <= 14 * 86_400",
    "SIMPLE_JWT['ALGORITHM']": "value == 'HS256'",
    "len(AUTH_PASSWORD_VALIDATORS)": "value >= 4",
    "MFA_TOTP_TOLERANCE": "value <= 1",
    "SESSION_COOKIE_HTTPONLY, SESSION_COOKIE_SECURE, CSRF_COOKIE_SECURE": "all(value)",
    "SESSION_COOKIE_SAMESITE, CSRF_COOKIE_SAMESITE": "{*value} <= {'Lax', 'Strict'}",
    "SESSION_COOKIE_NAME, CSRF_COOKIE_NAME": "all(name.startswith('__Host-') for name in value)",
    "SESSION_COOKIE_DOMAIN, CSRF_COOKIE_DOMAIN": "value == (None, None)",
    "MESSAGE_STORAGE": "value.endswith('.SessionStorage')",
    "X_FRAME_OPTIONS": "value == 'DENY'",
    "SECURE_CSP['default-src']": "value == [\"'self'\"]",
    "SECURE_HSTS_SECONDS": "value >= 31_536_000",
    "SECURE_SSL_REDIRECT": "value is True",
    "oct(FILE_UPLOAD_PERMISSIONS), oct(FILE_UPLOAD_DIRECTORY_PERMISSIONS)": (
        "value == ('0o600', '0o700')"
    ),
    "SECURITY_DEFINER_FUNCTIONS, TABLES_WITHOUT_MODELS, ACCEPTED_POWERS": "value == ([], [], [])",
    "sorted(PLATFORM_CACHES)": "value == ['counters', 'hosts', 'platform', 'throttled']",
    "DEBUG": "value is False",
}
ASK_FOR_VALUES = f"""
from django.conf import settings

class Names(dict):
    def __missing__(self, name):
        return getattr(settings, name) if name.isupper() else getattr(__builtins__, name)

for name, condition in {VALUES!r}.items():
    value = eval(name, Names())
    if not eval(condition, {{"value": value}}):
        print(f"{{name}} is {{value!r}}, and not: {{condition}}")
"""


def test_important_settings_are_unchanged() -> None:
    done = run("-c", ASK_FOR_VALUES, **PRODUCTION)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def test_cached_host_expires_after_half_a_minute(
    monkeypatch: pytest.MonkeyPatch, acme: object
) -> None:
    """The test moves the clock instead of comparing the setting."""
    now = [1_000_000.0]
    monkeypatch.setattr("django.core.cache.backends.locmem.time.time", lambda: now[0])
    monkeypatch.setattr("django.core.cache.backends.base.time.time", lambda: now[0])
    caches["hosts"].set("acme.localhost", "acme")
    now[0] += 29
    assert caches["hosts"].get("acme.localhost") == "acme"
    now[0] += 2
    assert caches["hosts"].get("acme.localhost") is None
