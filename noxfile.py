# /// script
# requires-python = ">=3.10"
# dependencies = ["cookiecutter>=2.7", "nox>=2025.5.1"]
# ///
"""Every task of the template.

nox                        what a newcomer and CI need: lint, tests, variants
nox -s demo -- --help      generate a project, run it, and serve two tenants to try
nox -s "variants(row)"     generate one strategy's project and run all of its checks
nox -s deep -- row         run all sessions of a strategy that CI runs weekly, and resume them
nox -s "pgbouncer(row)"    run its tests with a real PgBouncer before its database
nox -s "pool(row)"         run its tests with one connection, from a pool, for all threads
nox -s "mutants(row)"      remove its guards, one at a time; a test must fail
nox -s "fuzz(row)"         run it, and ask it all that its description allows and what it does not
nox -s "noisy(row)"        flood it as one tenant, and measure what another one notices
nox -s "tasks(row)"        kill its workers, flood its queue, and count what became of the tasks
nox -s compare             measure them side by side with plain Django and with other libraries
nox -s "browser(row)"      walk through its demo in Chromium, and look at every page
nox -s "guides(row)"       run every command of its documentation, and restore one of two tenants
nox -s "tutorial(row)"     follow its tutorial, line by line
nox -s "example(row)"      replace its example by another app, as its documentation says
nox -s "packages(row)"     put packages from the index into TENANT_APPS, for two tenants
nox -s "upgrade(row)"      update a project that somebody has worked on, from the version before
nox -s engines             generate with old and new cookiecutter, cruft and Python
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
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nox

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

ROOT = Path(__file__).parent
TOOLS = ROOT / "tools"

sys.path.append(str(TOOLS))
from pythons import find_python  # noqa: E402 - nox puts no folder on the path

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
        for name in (
            *("connections", "cursors", "database", "integrations", "no_tenant", "orm"),
            "round_trips",
        )
    ),
)

# Tests of what no strategy changes (settings, limits, logs, tools): CI runs them in one of three.
# `deep.yml` runs them in all, and measures coverage; so does a project.
ALIKE = (
    *(
        f"apps/authentication/tests/test_{name}.py"
        for name in ("forged_tokens", "in_flight", "rates", "throttling")
    ),
    *(f"apps/observability/tests/test_{name}.py" for name in ("logs", "telemetry")),
    *(f"devtools/tests/test_{name}.py" for name in ("embedded_postgres", "interrupt")),
    *(
        f"tests/test_{name}.py"
        for name in ("bodies", "configuration", "cors", "debug_toolbar", "gunicorn", "settings")
    ),
)

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|venv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "tests", "variants", "oldest"]


PYTHON = find_python(VERSIONS)

# uv leaves compiling to who imports first; where nobody may write what they compiled, every start
# of Python would do it again.
os.environ.setdefault("UV_COMPILE_BYTECODE", "1")


def of_each_strategy(function: Callable[[nox.Session, str], None]) -> object:
    """Make a session for each strategy, in the Python that generated projects prefer."""
    parametrized = nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)(function)
    return nox.session(python=PYTHON or False)(parametrized)


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
    # For scripts/verify.sh, which takes no tools but those of the project's environment.
    session.env["UV_PROJECT_ENVIRONMENT"] = str(session.virtualenv.location)


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


@of_each_strategy
def variants(session: nox.Session, strategy: str) -> None:
    """Generate a project and run its checks and tests; `-- whole`: every one, with coverage."""
    generate(session, strategy)
    if "whole" not in session.posargs:
        elsewhere = () if strategy == STRATEGIES[0] else ALIKE
        options = ["--no-cov", "'-Wignore:Coverage disabled'"]
        options += [f"--ignore={path}" for path in elsewhere]
        session.env["PYTEST_ADDOPTS"] = " ".join(options)
    session.run("scripts/verify.sh", external=True)
    session.run("python", str(TOOLS / "claims.py"))
    session.run("python", "manage.py", "demo", "--check")


@nox.session(python=find_python((OLDEST_PYTHON,)) or False)
@nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)
def oldest(session: nox.Session, strategy: str) -> None:
    """Run a strategy's own tests on the oldest Python and PostgreSQL; `-- .` runs all tests."""
    require(session, "pg_virtualenv", f"postgresql-{OLDEST_POSTGRES}")
    generate(session, strategy)
    chosen = session.posargs or VERSION_TESTS
    run_on_postgres(session, *PYTEST, *chosen, version=OLDEST_POSTGRES)


@nox.session
def deep(session: nox.Session) -> None:
    """Run the deep sessions of a strategy, as far as they have not passed: `-- row`."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "deep"))
    session.run("python", str(TOOLS / "deep.py"), *session.posargs)


@of_each_strategy
def pgbouncer(session: nox.Session, strategy: str) -> None:
    """Run a strategy's tests with PgBouncer, in transaction mode, before the run-time role."""
    require(session, "pg_virtualenv", "postgresql")
    require(session, "pgbouncer", "pgbouncer")
    generate(session, strategy)
    # No test database is dropped at the end, since the pooler is still connected to it.
    behind = ("sh", str(TOOLS / "pgbouncer.sh"), *PYTEST, "--reuse-db")
    run_on_postgres(session, *behind, *session.posargs)


@of_each_strategy
def pool(session: nox.Session, strategy: str) -> None:
    """Run a strategy's tests with one connection, from a pool, for all threads of a process."""
    generate(session, strategy)
    # What by its nature holds two connections at the same time; their number is in the last line.
    chosen = ("-m", "not two_connections")
    session.run(*PYTEST, *chosen, *session.posargs, env={"DATABASE_POOL_SIZE": "1"})


@of_each_strategy
def fuzz(session: nox.Session, strategy: str) -> None:
    """Ask a strategy's running project all that its description allows, and what it does not."""
    generate(session, strategy)
    session.install("schemathesis>=4.32")
    session.run("python", str(TOOLS / "fuzz.py"))


@of_each_strategy
def noisy(session: nox.Session, strategy: str) -> None:
    """Flood a strategy's running project as one tenant; measure what another one notices.

    `-- upload`: by one of the kinds of requests.
    """
    generate(session, strategy)
    session.run("python", str(TOOLS / "noisy.py"), *session.posargs)


@of_each_strategy
def tasks(session: nox.Session, strategy: str) -> None:
    """Kill workers of a strategy's project, and flood its queue; count what became of the tasks.

    `-- --kills 5`: fewer times.
    """
    generate(session, strategy)
    session.run("python", str(TOOLS / "tasks.py"), *session.posargs)


@of_each_strategy
def browser(session: nox.Session, strategy: str) -> None:
    """Walk through a strategy's running demo in a browser, and look at every page."""
    require(session, "chromium", "chromium")
    generate(session, strategy)
    session.install("playwright>=1.65", "axe-playwright-python>=0.1.8")
    session.run("python", str(TOOLS / "browser.py"))


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
        *("sh", str(TOOLS / "with_postgres.sh"), *command),
        # Root's pg_virtualenv works as postgres, whom a temporary folder of root's own keeps out.
        env={"DATABASE_TENANT_SECRET": "of-this-test-only-0123456789-abcdef", "TMPDIR": "/tmp"},  # noqa: S108
        external=True,
    )


@of_each_strategy
def mutants(session: nox.Session, strategy: str) -> None:
    """Remove a strategy's guards, one at a time; a test must fail. `-- TEXT`: some of them."""
    generate(session, strategy)
    session.run("python", str(TOOLS / "mutants.py"), strategy, *session.posargs)


@nox.session(python=PYTHON or False)
def compare(session: nox.Session) -> None:
    """Measure the three strategies, plain Django and other libraries side by side; `-- --quick`."""
    require(session, "pg_virtualenv", "postgresql")
    for strategy in STRATEGIES:
        generate(session, strategy)
    session.install(
        "django-environ>=0.14", "django-rls-tenants>=1.6", "matplotlib>=3.10", "tqdm>=4.67"
    )
    session.chdir(ROOT)
    folder = BUILD / "compare"
    program = (f"{session.bin}/python", str(TOOLS / "compare"), f"--build={folder}")
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
    # What is shipped is formatted, though a project need not format what it makes.
    session.run("ruff", "format", "--config", "format.exclude=[]", "apps", "tests")
    made = sorted(project.glob(MIGRATIONS))
    return {path.relative_to(project).as_posix(): path.read_text(encoding="utf-8") for path in made}


@nox.session
def lint(session: nox.Session) -> None:
    """Check the code of the template and of its project; find retired names and bad habits."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "lint"))
    # A cache in the template's tree would go into generated projects. The overlays' packages have
    # their __init__.py in the shared tree, so here they look as if they had none (INP001).
    session.run("ruff", "check", "--no-cache", "--extend-ignore=INP001", *session.posargs)
    session.run("ruff", "format", "--check", "--no-cache")
    session.run("python", str(TOOLS / "retired.py"))
    session.run("python", str(TOOLS / "habits.py"))


@of_each_strategy
def container(session: nox.Session, strategy: str) -> None:
    """Walk through a strategy's Dockerfile without an engine, and serve as production does."""
    tools = nox.project.dependency_groups(nox.project.load_toml(), "container")
    generate(session, strategy)
    session.install(*tools, "uv")
    session.run(
        *("pg_virtualenv", "-o", "max_connections=200", f"{session.bin}/python"),
        str(TOOLS / "container.py"),
        external=True,
    )


@of_each_strategy
def ship(session: nox.Session, strategy: str) -> None:
    """Lint all that ships with a strategy's code, and look for what nothing uses."""
    tools = nox.project.dependency_groups(nox.project.load_toml(), "ship")
    require(session, "promtool", "prometheus")
    generate(session, strategy)
    session.install(*tools)
    session.run("python", str(TOOLS / "ship.py"))


@of_each_strategy
def verification(session: nox.Session, strategy: str) -> None:
    """Plant a fault for each check of scripts/verify.sh; walk a task as AGENTS.md has it."""
    generate(session, strategy)
    session.run("python", str(TOOLS / "verification.py"), strategy)


@of_each_strategy
def guides(session: nox.Session, strategy: str) -> None:
    """Run every command of a project's documentation, and restore one of two tenants."""
    generate(session, strategy)
    session.install("uv")
    session.run("python", str(TOOLS / "guides.py"), strategy)


@of_each_strategy
def tutorial(session: nox.Session, strategy: str) -> None:
    """Follow the tutorial of a project, line by line: each file, each edit, each command."""
    generate(session, strategy)
    session.install("uv")
    session.run("python", str(TOOLS / "tutorial.py"))


@of_each_strategy
def example(session: nox.Session, strategy: str) -> None:
    """Replace a project's example by another app, as its documentation says; run all tests."""
    generate(session, strategy)
    session.run("python", str(TOOLS / "example.py"))


@of_each_strategy
def packages(session: nox.Session, strategy: str) -> None:
    """Put packages from the index into a project's TENANT_APPS, and use them in two tenants."""
    tools = nox.project.dependency_groups(nox.project.load_toml(), "packages")
    generate(session, strategy)
    session.install(*tools)
    session.run("python", str(TOOLS / "packages.py"), strategy)


@nox.session(python=PYTHON or False)
def docs(session: nox.Session) -> None:
    """Build the sites of the template and of the three projects, strictly, and look into them."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "docs"))
    for folder in [ROOT, *(bake(session, strategy) for strategy in STRATEGIES)]:
        session.chdir(folder)
        session.run("zensical", "build", "--strict", "--clean")
        session.run("python", str(TOOLS / "built_site.py"), "build/site")


@nox.session
def engines(session: nox.Session) -> None:
    """Generate with old and new cookiecutter, cruft and Python: the same bytes, or a sentence."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "tests"), "uv")
    session.run("python", str(TOOLS / "engines.py"), str(BUILD / "engines"))


@of_each_strategy
def upgrade(session: nox.Session, strategy: str) -> None:
    """Update a project that somebody has worked on from the version before; run its tests."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "upgrade"))
    program = ("python", str(TOOLS / "upgrade.py"))
    folder = BUILD / "upgrade" / strategy
    session.run(*program, "create", strategy, str(folder), *session.posargs)
    session.run(*program, "late", strategy, str(folder))
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
    program = (sys.executable, str(TOOLS / "differences.py"))
    session.run(*program, *session.posargs, *projects, str(BUILD / "diff"))
