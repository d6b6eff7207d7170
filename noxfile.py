# /// script
# requires-python = ">=3.10"
# dependencies = ["cookiecutter>=2.7", "nox>=2025.5.1"]
# ///
"""Every task of the template.

nox                        what a newcomer and CI need: lint, tests, variants
nox -s demo -- --help      generate a project, run it, and serve two tenants to try
nox -s "variants(row)"     generate one strategy's project and run all of its checks
nox -s "pgbouncer(row)"    run its tests with a real PgBouncer before its database
nox -s "pool(row)"         run its tests with one connection, from a pool, for all threads
nox -s "mutants(row)"      remove its guards, one at a time; a test must fail
nox -s "fuzz(row)"         run it, and ask it all that its description allows and what it does not
nox -s compare             measure them side by side with plain Django and with other libraries
nox -s "browser(row)"      walk through its demo in Chromium, and look at every page
nox -s "guides(row)"       run every command of its documentation, and restore one of two tenants
nox -s "example(row)"      replace its example by another app, as its documentation says
nox -s "upgrade(row)"      update a project that somebody has worked on, from the version before
nox -s docs                build the sites of the template and of the three projects, strictly
nox -s diff -- row schema  show what differs between the projects of two strategies
nox -s "container(row)"    walk through its Dockerfile, and serve it as production does
nox -s "ship(row)"         lint all of it that is no Python, and look for what nothing uses
nox -s "verification(row)" plant a fault for each of its checks; do a task as its AGENTS.md says
nox -s migrations          make the migrations of all strategies anew from the models

Nox by itself fetches what the block above names, should it be missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ROOT = Path(__file__).parent
BUILD = ROOT / "build"
TEMPLATE = ROOT / "{{cookiecutter.project_slug}}"
QUESTIONS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
STRATEGIES = QUESTIONS["isolation_strategy"]

# The tests of a generated project, in whose folder the session is.
PYTEST = ("python", "-m", "pytest", "--numprocesses=auto", "--dist=worksteal")

# What a demo keeps from one run to the next; everything else is generated anew.
STATE = {".env", ".postgres"}

# The migrations of the project's own apps, and of the one that its tests have.
MIGRATIONS = "*/*/migrations/0*.py"

# The Pythons that generated projects support, the preferred one first.
VERSIONS = ("3.13", "3.14", "3.12")

# The oldest supported versions, and the tests of what depends on them: SQL, policies, drivers. The
# conformance tests over HTTP run on the newest ones, and `deep.yml` runs all tests on the oldest.
OLDEST_PYTHON, OLDEST_POSTGRES = "3.12", "15"
VERSION_TESTS = (
    "tests/strategy",
    *(
        f"tests/isolation/test_{name}.py"
        for name in ("connections", "database", "integrations", "no_tenant", "orm", "round_trips")
    ),
)

# On a server of pg_virtualenv's: the roles and the database that the embedded one has by itself.
ON_POSTGRES = """
    run() { psql --quiet --set ON_ERROR_STOP=1 --command "$@"; }
    run "CREATE ROLE app_user LOGIN PASSWORD 'test'"
    run "CREATE ROLE app_owner LOGIN CREATEDB CREATEROLE PASSWORD 'test'"
    # For PgBouncer, which asks as this role; in template1, and so in each database made later.
    run "GRANT SELECT ON pg_shadow TO app_owner" template1
    run "CREATE DATABASE app OWNER app_owner"
    export DATABASE_URL="postgres://app_user:test@$PGHOST:$PGPORT/app"
    export DATABASE_OWNER_URL="postgres://app_owner:test@$PGHOST:$PGPORT/app"
    # Else libpq would fill in the superuser's for what an address leaves out.
    unset PGUSER PGPASSWORD PGDATABASE PGHOST PGPORT PGSYSCONFDIR
    exec "$@"
"""

YAML_STYLE = """
extends: default
rules:
  comments: {min-spaces-from-content: 1}
  document-start: disable
  line-length: {max: 100}
  truthy: {check-keys: false}
"""
YAML_SCHEMAS = {
    "compose-spec": "compose*.yaml",
    "dependabot": ".github/dependabot.yml",
    "github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "github-issue-forms": ".github/ISSUE_TEMPLATE/[!c]*.yml",
    "github-workflows": ".github/workflows/*.yml",
}

# What the pages do that markdown's linter would not have.
MARKDOWN_ALLOWED = {
    "MD013": "tables have no short lines",
    "MD029": "a list goes on after a block of code",
    "MD041": "skills begin with what describes them",
    "MD059": "a link may be a single word of its sentence",
}
# What security's linter would have otherwise.
MANIFESTS_ALLOWED = {
    "CKV_K8S_35": "the product reads its secrets from the environment, as .env.example has them",
    "CKV_K8S_43": "whoever deploys names the image",
}
# What no code names, and frameworks call: by a setting, by a file's name, or by a method's.
CALLED_BY_NAME = (
    *(
        "*Config",
        "*Adapter",
        "*Authentication",
        "*Backend",
        "*Filter",
        "*Middleware",
        "*Pagination",
    ),
    *("*Router", "*Scheme", "*Throttle", "*_middleware", "csrf_failure", "describe_errors"),
    *("add_message", "allow_relation", "check_blacklist", "constraint_sql", "db_for_*", "get_*"),
    *("has_*_permission", "on_exit", "perform_*", "post_fork", "pre_fork", "process_*", "pytest_*"),
    *("remove_sql", "save_formset", "setUpTestData", "validate_*", "write_message"),
    *("as_sql", "token_backend", "_alias", "_handle_search_path"),
)
# What is installed and not imported, or imported and not installed by itself.
DEPENDENCIES_ALLOWED = {
    "DEP002": "django-htmx|gunicorn|redis|whitenoise",  # named in settings and commands
    "DEP003": "asgiref",  # a part of Django
    "DEP004": "opentelemetry|pytest|sentry_sdk",  # loaded where they are wanted
}

LINTERS = (
    ("hadolint", "Dockerfile"),
    ("zizmor", "--offline", "--quiet", "--min-severity=medium", "."),
    ("kingfisher", "scan", "--no-validate", "--no-update-check", "--quiet", "."),
    ("yamllint", "--strict", "--config-data", YAML_STYLE, "."),
    (
        *("pymarkdown", "--disable-rules", ",".join(MARKDOWN_ALLOWED)),
        *("--set", "extensions.front-matter.enabled=$!True"),
        *("--set", "plugins.md010.code_blocks=$!False", "scan", "--recurse", "."),
    ),
    (
        *("deptry", ".", "--no-ansi", "--extend-exclude", "(^|.*/)(tests|testing)/|conftest.py"),
        "--per-rule-ignores",
        ",".join(f"{rule}={names}" for rule, names in DEPENDENCIES_ALLOWED.items()),
    ),
)

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|venv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "tests", "variants", "oldest"]


def pythons(version: str) -> Iterator[Path]:
    """Yield the places where a Python may be: on PATH, and in every pyenv that PATH leads to.

    pyenv has a shim on PATH for each of its versions, and most of them refuse to start: a shim
    serves only the versions that the current folder or the user has selected.
    """
    folders = [Path(entry) for entry in os.get_exec_path() if entry]
    yield from (folder / f"python{version}" for folder in folders)
    roots = [Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()]
    roots += [folder.parent for folder in folders if folder.name == "shims"]
    for root in dict.fromkeys(roots):
        yield from sorted(root.glob(f"versions/{version}*/bin/python{version}"), reverse=True)


def starts(python: Path, version: str) -> bool:
    """Return whether the interpreter is there, and starts, and is what its name says."""
    ask = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        answer = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == version


def find_python(versions: tuple[str, ...] = VERSIONS) -> str | None:
    """Return the first interpreter of these versions, or one that uv can fetch, or nothing."""
    for version in versions:
        for python in pythons(version):
            if starts(python, version):
                return str(python)
    return versions[0] if shutil.which("uv") or importlib.util.find_spec("uv") else None


PYTHON = find_python()

# uv leaves compiling to who imports first; where nobody may write what they compiled, every start
# of Python would do it again.
os.environ.setdefault("UV_COMPILE_BYTECODE", "1")


def clear(folder: Path, keep: Collection[str]) -> None:
    """Delete what an earlier run left in a folder, but for the names to keep."""
    for path in folder.iterdir():
        if path.name in keep:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def generate(session: nox.Session, strategy: str, keep: Collection[str] = ()) -> Path:
    """Generate a project with the defaults, install all that it needs, and go into its folder."""
    if PYTHON is None:
        wanted = ", ".join(sorted(VERSIONS))
        session.error(f"found no Python {wanted}; install one, or install uv, which fetches one")
    project = bake(session, strategy, keep)
    install(session, project)
    return project


def bake(session: nox.Session, strategy: str, keep: Collection[str] = ()) -> Path:
    """Generate a project with the defaults; return its folder."""
    folder = BUILD / session.name.partition("(")[0] / strategy
    for earlier in folder.glob("*"):
        clear(earlier, keep)
    # The Python of nox has cookiecutter; the session's is for the project alone.
    session.run(
        *(sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "--overwrite-if-exists"),
        *("--default-config", "--output-dir", str(folder), f"isolation_strategy={strategy}"),
        external=True,
        silent=True,
    )
    (project,) = folder.iterdir()
    return project


def install(session: nox.Session, project: Path) -> None:
    """Install all that a project needs, and go into its folder."""
    session.chdir(project)
    settings = nox.project.load_toml("pyproject.toml")
    development = nox.project.dependency_groups(settings, "dev")
    session.install(*settings["project"]["dependencies"], *development)


@nox.session(python=PYTHON or False)
def demo(session: nox.Session) -> None:
    """Generate a project, run it, and serve two tenants to try."""
    parser = argparse.ArgumentParser(
        "nox -s demo --",
        description=f"{demo.__doc__} Other options go to its command `manage.py demo`.",
        allow_abbrev=False,
    )
    parser.add_argument("--strategy", choices=STRATEGIES, default=STRATEGIES[0])
    parser.error = session.error
    options, others = parser.parse_known_args(session.posargs)
    generate(session, options.strategy, keep=STATE)
    session.run(
        *("python", "manage.py", "demo", *others),
        # The addresses are printed when they answer, not when a buffer is full.
        env={"PYTHONUNBUFFERED": "1"},
        # Time enough to stop PostgreSQL in good order after Ctrl-C.
        interrupt_timeout=15,
        terminate_timeout=15,
    )


@nox.session
def tests(session: nox.Session) -> None:
    """Test the template itself: its answers, its hooks, and what it generates."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "tests"))
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def variants(session: nox.Session, strategy: str) -> None:
    """Generate a strategy's project and run all of its checks and tests."""
    generate(session, strategy)
    session.run("scripts/verify.sh", external=True)
    session.run("python", "manage.py", "demo", "--check")


@nox.session(python=find_python((OLDEST_PYTHON,)) or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def oldest(session: nox.Session, strategy: str) -> None:
    """Run a strategy's own tests on the oldest Python and PostgreSQL; `-- .` runs all tests."""
    require(session, "pg_virtualenv", f"postgresql-{OLDEST_POSTGRES}")
    generate(session, strategy)
    chosen = session.posargs or VERSION_TESTS
    run_on_postgres(session, *PYTEST, *chosen, version=OLDEST_POSTGRES)


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def pgbouncer(session: nox.Session, strategy: str) -> None:
    """Run a strategy's tests with PgBouncer, in transaction mode, before the run-time role."""
    require(session, "pg_virtualenv", "postgresql")
    require(session, "pgbouncer", "pgbouncer")
    generate(session, strategy)
    # No test database is dropped at the end, since the pooler is still connected to it.
    behind = ("sh", str(ROOT / "tests" / "pgbouncer.sh"), *PYTEST, "--reuse-db")
    run_on_postgres(session, *behind, *session.posargs)


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def pool(session: nox.Session, strategy: str) -> None:
    """Run a strategy's tests with one connection, from a pool, for all threads of a process."""
    generate(session, strategy)
    # What by its nature holds two connections at the same time; their number is in the last line.
    chosen = ("-m", "not two_connections")
    session.run(*PYTEST, *chosen, *session.posargs, env={"DATABASE_POOL_SIZE": "1"})


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def fuzz(session: nox.Session, strategy: str) -> None:
    """Ask a strategy's running project all that its description allows, and what it does not."""
    generate(session, strategy)
    session.install("schemathesis>=4.32")
    session.run("python", str(ROOT / "tests" / "fuzz.py"))


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def browser(session: nox.Session, strategy: str) -> None:
    """Walk through a strategy's running demo in a browser, and look at every page."""
    require(session, "chromium", "chromium")
    generate(session, strategy)
    session.install("playwright>=1.65", "axe-playwright-python>=0.1.8")
    session.run("python", str(ROOT / "tests" / "browser.py"))


def require(session: nox.Session, program: str, package: str) -> None:
    """Skip the session without a program that no package of Python brings; in CI, fail it."""
    if shutil.which(program) is None:
        missing = f"{program} is missing: apt install {package}"
        session.error(missing) if os.environ.get("CI") else session.skip(missing)


def run_on_postgres(session: nox.Session, *command: str, version: str = "") -> None:
    """Run a command on a PostgreSQL of the system's packages, which lives as long as it does."""
    session.run(
        *("pg_virtualenv", "-t", *(["-v", version] if version else [])),
        *("-o", "max_connections=200", "-o", "max_locks_per_transaction=256"),
        *("sh", "-ec", ON_POSTGRES, "sh", *command),
        # Root's pg_virtualenv works as postgres, whom a temporary folder of root's own keeps out.
        env={"DATABASE_TENANT_SECRET": "of-this-test-only", "TMPDIR": "/tmp"},  # noqa: S108
        external=True,
    )


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def mutants(session: nox.Session, strategy: str) -> None:
    """Remove a strategy's guards, one at a time; a test must fail. `-- TEXT`: some of them."""
    generate(session, strategy)
    session.run("python", str(ROOT / "tests" / "mutants.py"), strategy, *session.posargs)


@nox.session(python=PYTHON or False)
def compare(session: nox.Session) -> None:
    """Measure the three strategies, plain Django and other libraries side by side; `-- --quick`."""
    require(session, "pg_virtualenv", "postgresql")
    for strategy in STRATEGIES:
        generate(session, strategy)
    session.install("django-rls-tenants>=1.6", "matplotlib>=3.10", "tqdm>=4.67")
    session.chdir(ROOT)
    folder = BUILD / "compare"
    program = (f"{session.bin}/python", str(ROOT / "tests" / "compare"), f"--build={folder}")
    run_on_postgres(session, *program, *session.posargs)


@nox.session(python=PYTHON or False)
def migrations(session: nox.Session) -> None:
    """Make all migrations anew from the models: shared where the three are the same."""
    made = {strategy: make_migrations(session, strategy) for strategy in STRATEGIES}
    overlays = {strategy: TEMPLATE / "strategies" / strategy for strategy in STRATEGIES}
    for folder in (TEMPLATE, *overlays.values()):
        for earlier in folder.glob(MIGRATIONS):
            earlier.unlink()
    for strategy, texts in made.items():
        for name, text in texts.items():
            shared = all(others.get(name) == text for others in made.values())
            target = (TEMPLATE if shared else overlays[strategy]) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")


def make_migrations(session: nox.Session, strategy: str) -> dict[str, str]:
    """Make a strategy's migrations anew from its models; return them by their paths."""
    project = generate(session, strategy)
    for earlier in project.glob(MIGRATIONS):
        earlier.unlink()
    settings = "--settings=config.settings.test"
    session.run("python", "manage.py", "makemigrations", "--no-header", settings)
    session.run("ruff", "format", "apps", "tests")
    made = sorted(project.glob(MIGRATIONS))
    return {path.relative_to(project).as_posix(): path.read_text(encoding="utf-8") for path in made}


@nox.session
def lint(session: nox.Session) -> None:
    """Check the code of the template and of its project, and search for retired names."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "lint"))
    # A cache in the template's tree would go into generated projects. The overlays' packages have
    # their __init__.py in the shared tree, so here they look as if they had none (INP001).
    session.run("ruff", "check", "--no-cache", "--extend-ignore=INP001", *session.posargs)
    session.run("ruff", "format", "--check", "--no-cache")
    session.run("python", str(ROOT / "tests" / "retired.py"))


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def container(session: nox.Session, strategy: str) -> None:
    """Walk through a strategy's Dockerfile without an engine, and serve as production does."""
    tools = nox.project.dependency_groups(nox.project.load_toml(), "container")
    generate(session, strategy)
    session.install(*tools)
    session.run(
        *("pg_virtualenv", "-o", "max_connections=200", f"{session.bin}/python"),
        str(ROOT / "tests" / "container.py"),
        external=True,
    )


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def ship(session: nox.Session, strategy: str) -> None:
    """Lint all that ships with a strategy's code, and look for what nothing uses."""
    tools = nox.project.dependency_groups(nox.project.load_toml(), "ship")
    made = Path(session.create_tmp()).resolve()
    project = generate(session, strategy)
    session.install(*tools)
    for command in LINTERS:
        session.run(*command)
    session.run("shellcheck", *sorted(map(str, Path().glob("*/*.sh"))))
    # It looks for other workflows where the repository begins, which is not this template's.
    session.run("git", "init", "--quiet", external=True)
    session.run("actionlint", *sorted(map(str, Path().glob(".github/workflows/*.yml"))))
    for schema, pattern in YAML_SCHEMAS.items():
        files = sorted(map(str, Path().glob(pattern)))
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)
    find_dead_code(session)
    check_manifests(session, made)
    alerts = (project / "deploy").rename(made / "deploy") / "monitoring" / "alerts.yaml"
    # Nothing misses the folder.
    session.run("python", "scripts/check_docs.py")
    check_alerts(session, alerts)


def find_dead_code(session: nox.Session) -> None:
    """Find what no code names. Variables are left out: models and settings are made of them."""
    found = session.run(
        *("vulture", ".", f"--ignore-names={','.join(CALLED_BY_NAME)}"),
        *("--ignore-decorators=@admin.*,@pytest.*,@receiver,@register", "--exclude=migrations"),
        silent=True,
        success_codes=[0, 3],
    )
    lines = str(found).splitlines()
    dead = [line for line in lines if not re.search(r"(^|/)test|unused (attr|var)", line)]
    if dead:
        session.error("\n".join(dead))


def check_manifests(session: nox.Session, made: Path) -> None:
    """Build what would be sent to Kubernetes; judge it by its schema, and by what is safe."""
    shutil.rmtree(made)
    made.mkdir()
    files = {}
    for name in ("overlays/staging", "overlays/production", "monitoring"):
        files[name] = made / f"{Path(name).name}.yaml"
        text = session.run("kubectl", "kustomize", f"deploy/{name}", silent=True)
        files[name].write_text(str(text), encoding="utf-8")
    overlays = [str(path) for name, path in files.items() if name != "monitoring"]
    session.run("kubernetes-validate", "--strict", "--quiet", *overlays)
    each = [word for path in ("Dockerfile", *overlays) for word in ("--file", path)]
    session.run(
        *("checkov", "--quiet", "--compact", "--skip-download", *each),
        *("--skip-check", ",".join(MANIFESTS_ALLOWED)),
    )


def check_alerts(session: nox.Session, manifest: Path) -> None:
    """Have Prometheus itself read the rules, the inside of their manifest, and see each ring."""
    rules = manifest.with_name("rules.yaml")
    inside = "import sys, yaml; print(yaml.safe_dump(yaml.safe_load(open(sys.argv[1]))['spec']))"
    text = session.run("python", "-c", inside, str(manifest), silent=True)
    rules.write_text(str(text), encoding="utf-8")
    require(session, "promtool", "prometheus")
    session.run("promtool", "check", "rules", str(rules), external=True)
    example = shutil.copy(ROOT / "tests" / "alerts.yaml", rules.parent)
    session.run("promtool", "test", "rules", str(example), external=True)


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def verification(session: nox.Session, strategy: str) -> None:
    """Plant a fault for each check of scripts/verify.sh; walk a task as AGENTS.md has it."""
    generate(session, strategy)
    session.run("python", str(ROOT / "tests" / "verification.py"), strategy)


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def guides(session: nox.Session, strategy: str) -> None:
    """Run every command of a project's documentation, and restore one of two tenants."""
    generate(session, strategy)
    session.install("uv")
    session.run("python", str(ROOT / "tests" / "guides.py"), strategy)


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def example(session: nox.Session, strategy: str) -> None:
    """Replace a project's example by another app, as its documentation says; run all tests."""
    generate(session, strategy)
    session.run("python", str(ROOT / "tests" / "example.py"))


@nox.session(python=PYTHON or False)
def docs(session: nox.Session) -> None:
    """Build the sites of the template and of the three projects, strictly, and look into them."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "docs"))
    for folder in [ROOT, *(bake(session, strategy) for strategy in STRATEGIES)]:
        session.chdir(folder)
        session.run("zensical", "build", "--strict", "--clean")
        session.run("python", str(ROOT / "tests" / "built_site.py"), "build/site")


@nox.session(python=PYTHON or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def upgrade(session: nox.Session, strategy: str) -> None:
    """Update a project that somebody has worked on from the version before; run its tests."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "upgrade"))
    program = ("python", str(ROOT / "tests" / "upgrade.py"))
    folder = BUILD / "upgrade" / strategy
    session.run(*program, "create", strategy, str(folder), *session.posargs)
    project = folder / "my_saas"
    install(session, project)
    session.run(*program, "work", strategy, str(folder))
    session.run(*program, "update", strategy, str(folder))
    install(session, project)
    quick = ("tests/isolation/test_no_tenant.py", "tests/isolation/test_sweep.py", "apps/rooms")
    session.run(*PYTEST, "tests/strategy", *quick)


@nox.session(python=False)
def diff(session: nox.Session) -> None:
    """Show what differs between the projects of two strategies: `-- row schema`."""
    if len(session.posargs) != 2 or not {*session.posargs} <= {*STRATEGIES}:
        session.error(f"name two of {', '.join(STRATEGIES)}: nox -s diff -- row schema")
    projects = [str(bake(session, strategy)) for strategy in session.posargs]
    program = (sys.executable, str(ROOT / "tests" / "differences.py"))
    session.run(*program, *session.posargs, *projects, str(BUILD / "diff"))
