"""Environment variables: valid values, invalid values, and error messages."""

import re
from pathlib import Path

import pytest

from apps.tenants.hosts import normalised
from config.env import parse
from config.reading import CANNOT_START, describe, find_problems
from config.variable_types import Rule
from config.variables import FIELDS, Variables
from tests.support import run
from tests.test_settings import PRODUCTION
from tests.wrong_values import NOISE, WRONG

VALUE = "secret\x7fvalue"
RULES = {rule: wrong for kind, wrong in WRONG.items() for rule in kind.__metadata__}
LONG = "kept-as-it-is-0123456789-abcdefghijklmnopqrstuvwxyz"
RIGHT = {
    "SECRET_KEY": [f"$q*{LONG}", f"${{HOME}}{LONG}", f"%(x)s{LONG}", f"{LONG}#'\"\\", f"ü{LONG}"],
    "JWT_SIGNING_KEY": [f"$q*{LONG}", LONG[:32]],
    "SECRET_KEY_FALLBACKS": ["", LONG, f"{LONG}, $q*{LONG}"],
    "SHARED_HOSTS": ["app", "10.0.0.1", "fd00::1", "[FD00:0::1]", "Exämple.COM., b.example"],
    "TENANT_BASE_DOMAIN": ["example.com", "EXAMPLE.com.", "localhost"],
    "PLATFORM_ORIGIN": ["https://example.com/", "http://localhost:8000", "https://[fd00::1]:8443"],
    "CORS_ALLOWED_ORIGINS": ["", "https://a.example/, HTTP://localhost:5173"],
    "DEBUG_TOOLBAR": ["on", "off"],
    "COUNTERS_URL": ["", "redis://counters"],
    "TENANT_URL": ["https://{domain}", "http://{domain}:8000/"],
    "TRUSTED_PROXY_COUNT": ["0", "10", " 1 "],
    "SIGN_UP_OPEN": ["on", "OFF", "true", "No", "1", "0"],
    "EMAIL_URL": ["", "smtp://mail:1025", "smtp+ssl://me%40x.example:p%2Fw@mail.example.com"],
    "DEFAULT_FROM_EMAIL": ["a@b.example", "A Name <a@b.example>", '"Name, A" <a@b.example>'],
    "THROTTLE_MEMBER": ["", "7/day", "1/s", "100/min"],
    "MEDIA_ROOT": ["/srv/media", "/var/lib/a product/media/"],
    "MEDIA_BUCKET": ["", "product-media", "media.example.com"],
    "CACHE_URL": ["", "redis://cache", "rediss://:secret@cache.example.com:6380/1"],
    "METRICS_TOKEN": ["", "of-this-test-only"],
    "SENTRY_DSN": ["", "http://key@127.0.0.1:8000/1", "https://key@example.com/sentry/12"],
    "DATABASE_URL": [
        "postgres://runtime:p%2Fw@db/product",
        "postgresql://u:p#w?$q@[fd00::1]:5432/x?sslmode=verify-full&connect_timeout=9",
        "postgres://u@a:5432,b:5433/x?target_session_attrs=read-write",
        "postgres://u:p@/x?host=/var/run/postgresql",
    ],
}


def problems(**texts: str) -> list[str]:
    return find_problems(texts, production=False)


@pytest.mark.parametrize("name", FIELDS)
def test_invalid_values_are_refused(name: str) -> None:
    rule = next(each for each in FIELDS[name].metadata if isinstance(each, Rule))
    wrong = dict.fromkeys([*RULES[rule], *NOISE])
    assert len(wrong) >= 50
    sentence = [f"{name} must be {describe(FIELDS[name])}."]
    assert not [text for text in wrong if problems(**{name: text}) != sentence]


@pytest.mark.parametrize(
    ("name", "text"), [(n, text) for n, texts in RIGHT.items() for text in texts]
)
def test_valid_values_are_accepted(name: str, text: str) -> None:
    assert problems(**{name: text}) == []


@pytest.mark.parametrize("name", FIELDS)
def test_numbers_have_bounds(name: str) -> None:
    bounds = re.search(r"from (\d+) to (\d+)$", describe(FIELDS[name]))
    if bounds:
        low, high = map(int, bounds.groups())
        texts = {str(number): bool(problems(**{name: str(number)})) for number in (low, high)}
        assert set(texts.values()) == {False}
        assert all(problems(**{name: str(number)}) for number in (low - 1, high + 1))


def test_examples_and_defaults_are_valid() -> None:
    examples = {name: field.examples[0] for name, field in FIELDS.items() if field.examples}
    assert find_problems(examples, production=False) == []


@pytest.mark.parametrize("text", [f"$q*eo{LONG}", f"${{HOME}}{LONG}", f"a\\n{LONG}", f"%s{LONG}"])
def test_values_are_not_changed(text: str) -> None:
    done = run("-c", "from config.reading import read; print(read().SECRET_KEY)", SECRET_KEY=text)
    assert done.stdout == f"{text}\n", done.stderr


def test_hosts_are_normalised_like_those_of_requests() -> None:
    texts = {"SHARED_HOSTS": "Example.com, console.example.com.,[FD00:0::1], exämple.de,app"}
    hosts = Variables.model_validate(texts).SHARED_HOSTS
    assert hosts == ["example.com", "console.example.com", "fd00::1", "xn--exmple-cua.de", "app"]
    assert hosts == [normalised(host) for host in hosts]


def test_origins_are_normalised_like_those_of_browsers() -> None:
    texts = {
        "CORS_ALLOWED_ORIGINS": "https://App.example.com:443/,http://a.example:80,http://b:8000"
    }
    origins = Variables.model_validate(texts).CORS_ALLOWED_ORIGINS
    assert origins == ["https://app.example.com", "http://a.example", "http://b:8000"]


def test_values_are_not_shown() -> None:
    variables = Variables.model_validate({"SECRET_KEY": LONG, "JWT_SIGNING_KEY": LONG})
    assert LONG not in f"{variables} {variables!r} {[variables]}"


@pytest.mark.parametrize("start", ["config.settings.production", "config.wsgi", "config.asgi"])
def test_error_names_all_invalid_and_missing_variables(start: str) -> None:
    wrong = dict.fromkeys(FIELDS, VALUE) | {"SECRET_KEY": ""}
    done = run("-c", f"import {start}", **PRODUCTION | wrong)
    assert done.returncode == CANNOT_START
    _, *lines = done.stderr.splitlines()
    # The ASGI server sets this one itself.
    named = [line.split()[0] for line in lines]
    assert set(FIELDS) - set(named) <= {"DATABASE_KEEP_SECONDS"}
    assert len(named) == len(set(named))
    assert "SECRET_KEY is missing: it is required in production." in done.stderr
    assert VALUE not in done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.must_be)
def test_start_fails_for_each_entry_point(rule: Rule) -> None:
    name = next(name for name, field in FIELDS.items() if rule in field.metadata)
    done = run("-c", "import config.settings.production", **PRODUCTION | {name: NOISE[0]})
    assert done.returncode == CANNOT_START
    sentence = f"{name} must be {describe(FIELDS[name])}."
    assert [line.strip() for line in done.stderr.splitlines()[1:]] == [sentence]


READ = {
    "KEY=value": "value",
    "KEY = value": "value",
    "  KEY=value": "value",
    "\tKEY =\tvalue  ": "value",
    "\ufeffKEY=value": "value",
    "export KEY=value": "value",
    "KEY=value\r": "value",
    "KEY='$q*e o#'": "$q*e o#",
    "KEY=$q*eo${HOME}%s": "$q*eo${HOME}%s",
    "KEY=a#b=c": "a#b=c",
    "KEY=value # why": "value",
    'KEY="two\nlines"': "two\nlines",
    "KEY=": "",
    "# KEY=other\n\nKEY=value": "value",
}
REFUSED = {
    "KEY value": 1,
    "KEY: value": 1,
    "KEY": 1,
    "=value": 1,
    "set KEY=value": 1,
    "KEY='value": 1,
    'KEY="va"lue': 1,
    "KEY-2=value": 1,
    "ONE=1\n\nKEY=a\nb2/n4==": 4,
    "ONE=1\n\n\n  value": 4,
    "KEY=one\nKEY=value": 2,
    "KEY=val\0ue": 1,
    "\N{NO-BREAK SPACE}KÉY=value": 1,
    "-----BEGIN KEY-----\nvalue\n": 1,
}


@pytest.mark.parametrize("text", READ)
def test_env_file_is_parsed(tmp_path: Path, text: str) -> None:
    file = tmp_path / ".env"
    file.write_text(text, "utf-8", newline="")
    assert parse(file) == ({"KEY": READ[text]}, [])


@pytest.mark.parametrize("text", REFUSED)
def test_errors_of_env_file_name_the_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / ".env"
    file.write_text(text, "utf-8", newline="")
    _, found = parse(file)
    assert found[0].startswith(f".env, line {REFUSED[text]}: ")
    assert "value" not in "".join(found).replace("NAME=value", "").replace("a value of several", "")


@pytest.mark.parametrize("content", ["KEY=ä".encode("latin-1"), "KEY=a".encode("utf-16"), None])
def test_binary_env_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / ".env"
    file.mkdir() if content is None else file.write_bytes(content)
    assert [text.startswith(".env cannot be read: ") for text in parse(file)[1]] == [True]


def test_error_names_lines_and_variables_together(tmp_path: Path) -> None:
    """The process reads another file than the project's .env."""
    file = tmp_path / ".env"
    file.write_text("ONE=1\na secret line\n", "utf-8")
    script = f"""
from pathlib import Path
from config import env
env.PROBLEMS += env.parse(Path({str(file)!r}))[1]
import config.settings.production
"""
    done = run("-c", script, **PRODUCTION | {"SECRET_KEY": "", "SIGN_UP_OPEN": "perhaps"})
    assert done.returncode == CANNOT_START
    assert [line.split()[0] for line in done.stderr.splitlines()[1:]] == [
        ".env,",
        "SECRET_KEY",
        "SIGN_UP_OPEN",
    ]
    assert "a secret" not in done.stderr


def test_missing_env_file_is_empty(tmp_path: Path) -> None:
    assert parse(tmp_path / ".env") == ({}, [])
