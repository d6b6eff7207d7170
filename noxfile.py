# /// script
# requires-python = ">=3.10"
# dependencies = ["cookiecutter>=2.7", "nox>=2025.5.1"]
# ///
"""Every task of the template.

nox                        the checks of CI: lint, tests, variants, oldest
nox -s demo -- --help      generate a project, run it, and serve two tenants to try
nox -s "variants(row)"     generate one strategy's project and run all of its checks
nox -s deep -- row         run all sessions of a strategy that CI runs weekly, and resume them
nox -s "pgbouncer(row)"    run its tests with a real PgBouncer before its database
nox -s "pool(row)"         run its tests with one connection, from a pool, for all threads
nox -s "mutants(row)"      remove its guards, one at a time; a test must fail
nox -s "fuzz(row)"         send valid and invalid requests to every route
nox -s "noisy(row)"        flood it as one tenant, and measure the effect on another
nox -s "tasks(row)"        kill its workers, flood its queue, and count the results of the tasks
nox -s mobility            move a large tenant between all strategies, and measure
nox -s growth              measure commands with up to 2,000 tenants
nox -s compare             measure all three beside plain Django and other libraries
nox -s "browser(row)"      use its demo in Chromium, and check every page
nox -s "guides(row)"       run every command of its documentation, and restore one of two tenants
nox -s "tutorial(row)"     follow its tutorial, line by line
nox -s "adoption(row)"     bring an old project's data, as documented
nox -s "example(row)"      replace its example by another app, as its documentation says
nox -s "corpus(row)"       run the conformance suite on forty models of every kind
nox -s "packages(row)"     add packages from the index to TENANT_APPS, for two tenants
nox -s "upgrade(row)"      update a modified project from the previous version
nox -s engines             generate with old and new cookiecutter, cruft and Python
nox -s docs                build the sites of the template and of the three projects
nox -s diff -- row schema  show the differences between the projects of two strategies
nox -s "container(row)"    build its image without an engine, and serve as in production
nox -s "ship(row)"         lint its files that are not Python, and find unused code
nox -s "verification(row)" plant a fault for each of its checks; do a task as its AGENTS.md says
nox -s migrations          recreate the migrations of all strategies from the models

Nox installs the packages in the block above if they are missing.
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

# Runs the tests of a generated project; the session is in its folder.
PYTEST = ("python", "-m", "pytest", "--numprocesses=auto", "--dist=worksteal")

# Files that a demo keeps between runs; all others are generated again.
STATE = {".env", ".postgres"}

# The migrations of the project's own apps, and of the tests' sample app.
MIGRATIONS = "*/*/migrations/0*.py"

# The Pythons that generated projects support, the preferred one first.
VERSIONS = ("3.13", "3.14", "3.12")

# The oldest supported versions, and the tests that depend on versions: SQL, policies, drivers. The
# conformance tests over HTTP run on the newest versions; `deep.yml` runs all tests on the oldest.
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

# Tests that do not depend on the strategy (settings, limits, logs, tools), or that take minutes. CI
# runs them in one of the three projects; `deep.yml` runs them in all, with coverage, and so does a
# project.
ALIKE = (
    *(
        f"apps/authentication/tests/test_{name}.py"
        for name in ("forged_tokens", "in_flight", "rates", "throttling")
    ),
    *(f"apps/observability/tests/test_{name}.py" for name in ("logs", "telemetry")),
    "apps/moves/tests/test_moves.py",  # `mobility` moves between all pairs of strategies
    *(f"apps/portability/tests/test_{name}.py" for name in ("hostile_archives", "kinds")),
    *(f"devtools/tests/test_{name}.py" for name in ("embedded_postgres", "interrupt")),
    *(
        f"tests/test_{name}.py"
        for name in (
            *("bodies", "buckets", "configuration", "cors", "debug_toolbar", "gunicorn"),
            "settings",
        )
    ),
)

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|venv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "tests", "variants", "oldest"]


PYTHON = find_python(VERSIONS)

# By default uv does not compile packages. Where the environment is read-only, every start of Python
# would compile them again.
os.environ.setdefault("UV_COMPILE_BYTECODE", "1")


def of_each_strategy(function: Callable[[nox.Session, str], None]) -> object:
    """Make a session for each strategy, in the Python that generated projects prefer."""
    parametrized = nox.parametrize("strategy", STRATEGIES, ids=STRATEGIES)(function)
    return nox.session(python=PYTHON or False)(parametrized)


def clear(folder: Path, keep: Collection[str]) -> None:
    """Delete the files of an earlier run in a folder, except the names to keep."""
    for path in folder.iterdir():
        if path.name in keep:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def generate(session: nox.Session, strategy: str, keep: Collection[str] = ()) -> Path:
    """Generate a project with the defaults, install its dependencies, and enter its folder."""
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
    # cookiecutter is installed with nox; the session's environment is for the project only.
    session.run(
        *(sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "--overwrite-if-exists"),
        *("--default-config", "--output-dir", str(folder), f"isolation_strategy={strategy}"),
        external=True,
        silent=True,
    )
    (project,) = folder.iterdir()
    return project


def install(session: nox.Session, project: Path) -> None:
    """Install a project's dependencies, and enter its folder."""
    session.chdir(project)
    settings = nox.project.load_toml("pyproject.toml")
    development = nox.project.dependency_groups(settings, "dev")
    session.install(*settings["project"]["dependencies"], *development)
    # scripts/verify.sh uses only tools of the project's environment.
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
        # Print addresses at once, not when a buffer is full.
        env={"PYTHONUNBUFFERED": "1"},
        # Leave time to stop PostgreSQL after Ctrl-C.
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
    # Keep the test database, since the pooler is still connected to it.
    behind = ("sh", str(TOOLS / "pgbouncer.sh"), *PYTEST, "--reuse-db")
    run_on_postgres(session, *behind, *session.posargs)


@of_each_strategy
def pool(session: nox.Session, strategy: str) -> None:
    """Run a strategy's tests with one connection, from a pool, for all threads of a process."""
    generate(session, strategy)
    # Tests that need two connections are deselected; the last line shows their number.
    chosen = ("-m", "not two_connections")
    session.run(*PYTEST, *chosen, *session.posargs, env={"DATABASE_POOL_SIZE": "1"})


@of_each_strategy
def fuzz(session: nox.Session, strategy: str) -> None:
    """Send valid and invalid requests to every route of a strategy's running project."""
    generate(session, strategy)
    session.install("schemathesis>=4.32")
    session.run("python", str(TOOLS / "fuzz.py"))


@of_each_strategy
def noisy(session: nox.Session, strategy: str) -> None:
    """Flood a strategy's running project as one tenant; measure the effect on another.

    `-- upload`: only with this kind of request.
    """
    generate(session, strategy)
    session.run("python", str(TOOLS / "noisy.py"), *session.posargs)


@of_each_strategy
def tasks(session: nox.Session, strategy: str) -> None:
    """Kill workers of a strategy's project, and flood its queue; count the results of the tasks.

    `-- --kills 5`: fewer kills.
    """
    generate(session, strategy)
    session.run("python", str(TOOLS / "tasks.py"), *session.posargs)


@of_each_strategy
def browser(session: nox.Session, strategy: str) -> None:
    """Use a strategy's running demo in a browser, and check every page."""
    require(session, "chromium", "chromium")
    generate(session, strategy)
    session.install("playwright>=1.65", "axe-playwright-python>=0.1.8")
    session.run("python", str(TOOLS / "browser.py"))


def require(session: nox.Session, program: str, package: str) -> None:
    """Skip the session if a program of the system is missing; in CI, fail."""
    if shutil.which(program) is None:
        missing = f"{program} is missing: apt install {package}"
        session.error(missing) if os.environ.get("CI") else session.skip(missing)


def run_on_postgres(session: nox.Session, *command: str, version: str = "") -> None:
    """Run a command on a temporary PostgreSQL server of the system's packages."""
    session.run(
        *("pg_virtualenv", "-t", *(["-v", version] if version else [])),
        *("-o", "max_connections=200", "-o", "max_locks_per_transaction=256"),
        *("sh", str(TOOLS / "with_postgres.sh"), *command),
        # As root, pg_virtualenv runs as postgres, who cannot enter root's own temporary folder.
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


def run_over_all(session: nox.Session, tool: str) -> None:
    """Run a tool over the projects of all strategies, which are in the tool's folder."""
    for strategy in STRATEGIES:
        generate(session, strategy)
    session.chdir(ROOT)
    session.run("python", str(TOOLS / f"{tool}.py"), str(BUILD / tool), *session.posargs)


@nox.session(python=PYTHON or False)
def mobility(session: nox.Session) -> None:
    """Move a large tenant between all strategies, kill imports, and measure."""
    run_over_all(session, "mobility")


@nox.session(python=PYTHON or False)
def growth(session: nox.Session) -> None:
    """Measure the commands that visit all tenants, with up to 2,000 of them."""
    run_over_all(session, "growth")


@nox.session(python=PYTHON or False)
def migrations(session: nox.Session) -> None:
    """Recreate all migrations from the models; equal ones of the three strategies are shared."""
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
    """Recreate a strategy's migrations from its models; return them by path."""
    project = generate(session, strategy)
    for earlier in project.glob(MIGRATIONS):
        earlier.unlink()
    settings = "--settings=config.settings.test"
    session.run("python", "manage.py", "makemigrations", "--no-header", settings)
    # Format shipped migrations, although a project does not format its own.
    session.run("ruff", "format", "--config", "format.exclude=[]", "apps", "tests")
    made = sorted(project.glob(MIGRATIONS))
    return {path.relative_to(project).as_posix(): path.read_text(encoding="utf-8") for path in made}


@nox.session
def lint(session: nox.Session) -> None:
    """Check the code of the template and of its project; find retired names and bad habits."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "lint"))
    # Without a cache, which would be copied into generated projects. Without INP001, since the
    # overlays' packages have their __init__.py in the shared tree.
    session.run("ruff", "check", "--no-cache", "--extend-ignore=INP001", *session.posargs)
    session.run("ruff", "format", "--check", "--no-cache")
    session.run("python", str(TOOLS / "retired.py"))
    session.run("python", str(TOOLS / "habits.py"))


@of_each_strategy
def container(session: nox.Session, strategy: str) -> None:
    """Build a strategy's image without an engine, and serve as in production."""
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
    """Lint a strategy's files that are not Python, and find unused code."""
    tools = nox.project.dependency_groups(nox.project.load_toml(), "ship")
    require(session, "promtool", "prometheus")
    generate(session, strategy)
    session.install(*tools)
    session.run("python", str(TOOLS / "ship.py"))


@of_each_strategy
def verification(session: nox.Session, strategy: str) -> None:
    """Plant a fault for each check of scripts/verify.sh; perform a task as AGENTS.md says."""
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
    """Follow a project's tutorial line by line: each file, edit and command."""
    generate(session, strategy)
    session.install("uv")
    session.run("python", str(TOOLS / "tutorial.py"))


@of_each_strategy
def adoption(session: nox.Session, strategy: str) -> None:
    """Bring an old project's data, as documented; its database is dirty, and a copy is killed."""
    generate(session, strategy)
    session.install("uv")
    session.run("python", str(TOOLS / "adoption.py"))
    session.run("python", str(TOOLS / "adoption_sources.py"))


@of_each_strategy
def example(session: nox.Session, strategy: str) -> None:
    """Replace a project's example by another app, as documented; run all tests."""
    generate(session, strategy)
    session.run("python", str(TOOLS / "example.py"))


@of_each_strategy
def corpus(session: nox.Session, strategy: str) -> None:
    """Run a strategy's conformance suite on models of every kind."""
    generate(session, strategy)
    session.run("python", str(TOOLS / "corpus.py"))


@of_each_strategy
def packages(session: nox.Session, strategy: str) -> None:
    """Add packages from the index to a project's TENANT_APPS, and use them in two tenants."""
    tools = nox.project.dependency_groups(nox.project.load_toml(), "packages")
    generate(session, strategy)
    session.install(*tools)
    session.run("python", str(TOOLS / "packages.py"), strategy)


@nox.session(python=PYTHON or False)
def docs(session: nox.Session) -> None:
    """Build the sites of the template and of the three projects in strict mode, and check them."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "docs"))
    for folder in [ROOT, *(bake(session, strategy) for strategy in STRATEGIES)]:
        session.chdir(folder)
        session.run("zensical", "build", "--strict", "--clean")
        session.run("python", str(TOOLS / "built_site.py"), "build/site")


@nox.session
def engines(session: nox.Session) -> None:
    """Generate with old and new cookiecutter, cruft and Python; compare the results."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(), "tests"), "uv")
    session.run("python", str(TOOLS / "engines.py"), str(BUILD / "engines"))


@of_each_strategy
def upgrade(session: nox.Session, strategy: str) -> None:
    """Update a modified project from the previous version; run its tests."""
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
    """Show the differences between the projects of two strategies: `-- row schema`."""
    if len(session.posargs) != 2 or not {*session.posargs} <= {*STRATEGIES}:
        session.error(f"name two of {', '.join(STRATEGIES)}: nox -s diff -- row schema")
    projects = [str(bake(session, strategy)) for strategy in session.posargs]
    program = (sys.executable, str(TOOLS / "differences.py"))
    session.run(*program, *session.posargs, *projects, str(BUILD / "diff"))
