"""Generated projects: one per strategy, complete, clean, and the same product in all three."""

from __future__ import annotations

import ast
import fnmatch
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tokenize
from typing import TYPE_CHECKING

import cruft
import pytest
from cookiecutter.exceptions import FailedHookException, OutputDirExistsException
from support import (
    CHOICES,
    PARSERS,
    ROOT,
    STRATEGIES,
    TREE,
    TRICKY,
    Projects,
    contents,
    files,
    parse,
    quick_start,
    read,
    shipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pytest_cookies.plugin import Cookies

# Lines of code of each app and package, without tests and migrations. A new capability states its
# own limit; one that grows past it takes something away, or says here why it needs more.
MOST_LINES = {
    # Parsers, limits and error responses for all views, those with files too.
    "apps/api": 630,
    "apps/audit": 200,
    # Includes sign-up in two steps, of which a worker may do the second, and the current user.
    "apps/authentication": 1650,
    # Includes invariants with a breach of each for the tests, limits on statements, Django's own
    # commands in a tenant, definitions of all objects of a schema, envelopes of tasks, a check for
    # apps that record tenants' rows, keys of reusable apps into another database, the deletion of
    # tenants in batches, subqueries over another database, the fence of a moving tenant, the
    # comparison of many schemas at once, and files in a bucket.
    "apps/isolation": 4150,
    # Includes limits on attempts at passwords, all services for memberships, and mails to Owners.
    "apps/memberships": 990,
    "apps/observability": 500,
    # Includes the layout, lists with filters, readable colours, members, profiles, the audit log.
    "apps/pages": 1015,
    "apps/privacy": 460,
    # Counts, certificates, mails, the purge itself, a route, and three commands.
    "apps/offboarding": 370,
    # Orders, limits, expiry, and the task that writes.
    "apps/exports": 250,
    # Plans, checks of dirty sources, archives, passwords, a draft, a command with seven steps.
    "apps/adoption": 880,
    # Comparison by ranges, both sides of a move, and two commands.
    "apps/moves": 715,
    # An archive from one moment; hostile archives; people, keys and files elsewhere; resuming.
    "apps/portability": 1870,
    # A model, the conversion of photos, and their services.
    "apps/profiles": 230,
    # The API, and pages for all that it offers.
    "apps/projects": 660,
    # The queue and its two lanes, the runner, the worker with its probe, mails, two commands.
    "apps/tasks": 875,
    # The table of statuses, the end and the moves of a tenant, and nine commands.
    "apps/tenants": 1270,
    "config": 1060,
    "devtools": 750,
}
LONGEST_MODULE = 350
LONGEST_FUNCTION = 40
MOST_SECONDS = 2
LONGEST_PAGE = 150

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENCODING, tokenize.ENDMARKER),
}

# Words that would reveal a strategy that was not chosen.
TRACES = {
    "schema": r"row.?level|CREATE POLICY|database.per.tenant",
    "row": r"django.tenants|schema.per.tenant|schema_name|search_path|database.per.tenant",
    "database": r"django.tenants|schema.per.tenant|row.?level|CREATE POLICY",
}

# What is about the databases of other projects, which may be kept apart in any way.
ABOUT_SOURCES = ["apps/adoption/*", "docs/adoption*.md"]

# Where the three projects may differ, and why. All else is the same, byte for byte.
DIFFERENCES = {
    "apps/isolation/*": "the isolation layer",
    "tests/test_fleet.py": "migrating tenants that have tables of their own",
    "tests/test_evolution.py": "the same, over many migrations",
    "tests/test_unconstrained_keys.py": "keys from such tables to shared data",
    "tests/strategy/*": "tests of what only this strategy has",
    "*/migrations/*": "made from the models, whose bases differ",
    "config/strategy_variables.py": "secrets and numbers of the isolation layer",
    "config/settings/isolation.py": "databases, routers and apps of the isolation layer",
    "compose.production.yaml": "what the owner's role may do, and who else needs it",
    "deploy/base/deployment.yaml": "who needs the owner's role",
    "deploy/base/worker.yaml": "who makes storage, and how many connections there are",
    "docs/postgresql.md": "what the owner may do",
    "docs/deployment.md": "who needs the owner's role, and how many connections there are",
    "docs/accounts.md": "what sign-up needs",
    "docs/README.md": "leads to all pages",
    "docs/isolation.md": "describes the isolation layer",
    "docs/migrations.md": "one set of tables, or one for each tenant",
    "docs/copies.md": "the objects that a copy of the template contains",
    "docs/third-party-apps.md": "the isolation of their tables",
    "docs/pgbouncer.md": "one pool, or one for each tenant",
    "docs/restore.md": "what a tenant's backup holds",
    "docs/runbooks.md": "which passwords there are",
    "docs/security.md": "says where the isolation layer ends",
    "docs/moving.md": "whom the start of a pause keeps waiting",
    "docs/settings.md": "lists the variables of the isolation layer",
    "docs/troubleshooting.md": "what can be wrong with one tenant's tables",
    "mkdocs.yml": "leads to all pages",
    "pyproject.toml": "dependencies, and the name of the strategy",
    "AGENTS.md": "the rules of the isolation layer",
    "README.md": "says in a sentence how tenants are kept apart",
    ".env.example": "lists the variables of the isolation layer",
    ".env": "random secrets",
}
PRODUCT_APPS = (
    *("adoption", "api", "audit", "authentication", "exports", "memberships", "moves"),
    *("observability", "pages", "portability", "privacy", "projects", "tasks", "tenants"),
)
# Here only migrations may differ, even if the table above lists other files.
PRODUCT = [
    *(f"apps/{name}/*" for name in PRODUCT_APPS),
    *("tests/isolation/*", "tests/sample/*", "devtools/*"),
]


def test_generation_is_quick(cookies: Cookies, template: str) -> None:
    """The test measures processor time, which other work on the machine does not change."""
    started = sum(os.times()[:4])
    result = cookies.bake(template=template)
    assert result.exception is None, repr(result.exception)
    assert sum(os.times()[:4]) - started < MOST_SECONDS


def test_nothing_of_the_template_is_left(project: Path) -> None:
    leftover = re.compile(
        r"{{-?\s*cookiecutter|{%[^%]*cookiecutter|# cc:|strategies/|traits/|\bTODO\b"
    )
    assert not [name for name, path in files(project).items() if leftover.search(read(path))]
    assert not (project / "strategies").exists()
    assert not (project / "traits").exists()
    assert not (project / "licenses").exists()


def test_headings_are_below_a_blank_line(project: Path) -> None:
    """Where the template omits a part of a page, a blank line may be lost."""
    fenced = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
    close = re.compile(r"^.*\S.*\n#+ .*$", re.MULTILINE)
    pages = {name: read(path) for name, path in files(project).items() if name.endswith(".md")}
    found = {name: close.findall(fenced.sub("", text)) for name, text in pages.items()}
    assert not {name: headings for name, headings in found.items() if headings}


def test_no_folder_is_empty(project: Path) -> None:
    folders = [path for path in project.rglob("*") if path.is_dir()]
    assert not [folder for folder in folders if not any(folder.iterdir())]


def modules(project: Path) -> dict[str, bytes]:
    """Return the modules that a team must read: no tests, no migrations."""
    apart = re.compile(r"(^|/)(tests|testing|migrations)/")
    texts = contents(project)
    return {n: text for n, text in texts.items() if n.endswith(".py") and not apart.search(n)}


def test_apps_are_small(project: Path) -> None:
    lines = dict.fromkeys(MOST_LINES, 0)
    for name, text in modules(project).items():
        package = re.match(r"apps/\w+(?=/)|config(?=/)|devtools(?=/)", name)
        if package:
            lines[package[0]] += lines_of_code(text)
    assert not {name: count for name, count in lines.items() if count > MOST_LINES[name]}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="it cannot parse the project's code")
def test_modules_and_functions_are_short(project: Path) -> None:
    texts = modules(project)
    long = [name for name, text in texts.items() if text.count(b"\n") > LONGEST_MODULE]
    for name, text in texts.items():
        functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, FUNCTIONS)]
        lengths = {each.name: each.end_lineno - each.lineno + 1 for each in functions}
        long += [f"{name}: {each}" for each, n in lengths.items() if n > LONGEST_FUNCTION]
    assert not long


def test_pages_are_short(project: Path) -> None:
    pages = {name: read(path) for name, path in files(project).items() if name.startswith("docs/")}
    assert not [name for name, text in pages.items() if len(text.splitlines()) > LONGEST_PAGE]


def lines_of_code(text: bytes) -> int:
    """Count as counters of code do: no blank lines, no comments, no docstrings."""
    lines: set[int] = set()
    begins = True
    for token in tokenize.tokenize(io.BytesIO(text).readline):
        if token.type not in NO_CODE and not (begins and token.type == tokenize.STRING):
            lines.update(range(token.start[0], token.end[0] + 1))
        if token.type not in {tokenize.COMMENT, tokenize.NL}:
            begins = token.type in NO_CODE
    return len(lines)


@pytest.mark.skipif(sys.platform == "win32", reason="there git may change the ends of lines")
def test_cruft_writes_the_same_bytes(
    generate: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cruft generates from a commit, so the test commits the working tree first."""
    template = tmp_path / "template"
    for name, path in shipped(ROOT).items():
        (template / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, template / name)
    git = ["git", "-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "now"]):
        subprocess.run([*git, *command], cwd=template, check=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = cruft.create(str(template), tmp_path / "by-cruft", no_input=True, default_config=True)
    made = contents(folder)
    answers = json.loads(made.pop(".cruft.json"))
    assert answers["context"]["cookiecutter"]["isolation_strategy"] == STRATEGIES[0]
    expected = contents(generate())
    assert made.pop(".env") != expected.pop(".env"), "each has secrets of its own"
    assert made == expected


def test_files_parse(project: Path) -> None:
    for path in files(project).values():
        if path.suffix in PARSERS:
            parse(path)


def test_text_is_in_unix_lines(project: Path) -> None:
    ends = re.compile(rb"\r|[^\n]\Z|\n\n\Z")
    assert not [name for name, text in contents(project).items() if ends.search(text)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such mode")
def test_scripts_can_be_executed(project: Path) -> None:
    scripts = {name: path for name, path in files(project).items() if name.endswith(".sh")}
    assert "scripts/verify.sh" in scripts
    assert not [name for name, path in scripts.items() if not os.access(path, os.X_OK)]


def test_connections_of_all_threads_fit(projects: Projects) -> None:
    """The test counts those of the database strategy, whose threads keep some for tenants."""
    project = projects["database"]

    def number(name: str, pattern: str) -> int:
        return int(re.search(pattern, read(project / name))[1])

    processes = number("gunicorn.conf.py", r'WEB_CONCURRENCY", "(\d+)"')
    threads = number("gunicorn.conf.py", r"threads = (\d+)")
    each = number(".env.example", r"TENANT_CONNECTIONS=(\d+)") + 1
    most = number("compose.production.yaml", r"max_connections=(\d+)")
    needed = processes * threads * each
    assert needed < most
    times = "\N{MULTIPLICATION SIGN}"
    sentence = f"{processes} {times} {threads} {times} {each} = {needed}"
    assert sentence in " ".join(read(project / "docs" / "deployment.md").split())


def test_monitoring_asks_for_what_is_counted(project: Path) -> None:
    """Alerts query metrics of the apps only, and the dashboard shows each of these metrics."""
    made = r'(Counter|Histogram|GaugeMetricFamily)\(\s*"(\w+)"'
    texts = [read(path) for path in project.glob("apps/*/metrics.py")]
    counted = {name: kind for text in texts for kind, name in re.findall(made, text)}
    monitoring = project / "deploy" / "monitoring"
    groups = parse(monitoring / "alerts.yaml")["spec"]["groups"]
    alerts = [rule["expr"] for group in groups for rule in group["rules"]]
    panels = parse(monitoring / "dashboard.json")["panels"]
    shown = [target["expr"] for panel in panels for target in panel["targets"]]
    assert metrics_in(alerts) <= counted.keys()
    assert metrics_in(shown) == counted.keys()
    assert {
        "http_request_duration_seconds": "Histogram",
        "tenants": "GaugeMetricFamily",
    }.items() <= (counted.items())


def metrics_in(queries: list[str]) -> set[str]:
    """Return the names of the metrics that queries ask for; a histogram has parts."""
    apart = re.compile(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)')
    names = re.findall(r"\b[a-z]\w*\b(?!\s*\()", apart.sub("", "\n".join(queries)))
    return {name.removesuffix("_bucket") for name in names}


def test_git_ignores_env(project: Path, tmp_path: Path) -> None:
    # Apart from the project, which other tests compare file by file.
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    apart = ["git", f"--git-dir={tmp_path / '.git'}", "--work-tree=."]
    ask = [*apart, "ls-files", "--others", "--ignored", "--exclude-standard"]
    answer = subprocess.run(ask, cwd=project, check=True, capture_output=True, text=True)
    assert answer.stdout.split() == [".env"]


def test_env_has_every_secret_of_the_example(project: Path) -> None:
    secrets = re.findall(r"^\w+=$", read(project / ".env.example"), re.MULTILINE)
    assert "SECRET_KEY=" in secrets
    assert not [name for name in secrets if f"\n{name}\n" in read(project / ".env")]


def test_quick_start_is_two_commands(project: Path) -> None:
    run, test = quick_start(project / "README.md")
    assert run.endswith("uv run manage.py demo")
    assert test.endswith("uv run pytest")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_trace_of_another_strategy(projects: Projects, strategy: str) -> None:
    trace = re.compile(TRACES[strategy], re.IGNORECASE)
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, path in files(projects[strategy]).items()
        if not allowed(name, ABOUT_SOURCES)
        for number, line in enumerate([name, *read(path).splitlines()])
        if trace.search(line)
    ]
    assert not found


def allowed(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


@pytest.fixture(scope="session")
def differing(projects: Projects) -> set[str]:
    """Return the names of the files that are not the same in all three."""
    trees = [contents(project) for project in projects.values()]
    names = set().union(*trees)
    return {name for name in names if len({tree.get(name) for tree in trees}) > 1}


def test_projects_differ_only_where_they_may(differing: set[str]) -> None:
    assert not {name for name in differing if not allowed(name, DIFFERENCES)}


def test_product_is_the_same_but_for_migrations(differing: set[str]) -> None:
    product = {name for name in differing if allowed(name, PRODUCT)}
    assert not {name for name in product if not allowed(name, ["*/migrations/*"])}


@pytest.mark.parametrize("pattern", DIFFERENCES)
def test_allowance_to_differ_is_used(differing: set[str], pattern: str) -> None:
    assert fnmatch.filter(differing, pattern)


@pytest.mark.parametrize("license_", CHOICES["license"])
def test_license_is_the_chosen_one(generate: Callable[..., Path], license_: str) -> None:
    project = generate({"license": license_, "author_name": "Ada & Co"})
    source = read(TREE / "licenses" / license_ / "LICENSE")
    expected = source.replace("{{ cookiecutter.author_name }}", "Ada & Co")
    assert read(project / "LICENSE") == expected


@pytest.mark.parametrize("tricky", TRICKY)
def test_typed_answers_are_data(
    generate: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tricky: str
) -> None:
    """The test types the answers, since cookiecutter renders those of the command line."""
    text = f"{tricky} x"
    typed = {"project_slug": "typed", **dict.fromkeys(["project_name", "description"], text)}
    typed["author_name"] = text
    module = "cookiecutter.prompt"
    monkeypatch.setattr(
        f"{module}.read_user_variable", lambda name, default, *_: typed.get(name, default)
    )
    monkeypatch.setattr(f"{module}.read_user_choice", lambda _name, choices, *_: choices[0])
    project = generate(no_input=False)
    settings = parse(project / "pyproject.toml")["project"]
    assert settings["name"] == "typed"
    assert settings["description"] == text
    assert settings["authors"][0]["name"] == text
    assert read(project / "README.md").startswith(f"# {text}\n\n{text}\n")
    assert f"Copyright (c) {text}\n" in read(project / "LICENSE")


def test_slug_is_made_from_any_name(generate: Callable[..., Path]) -> None:
    assert generate({"project_name": "Ünïcode & Söhne"}).name == "unicode_sohne"
    assert generate({"project_name": "\N{GRINNING FACE}"}).name == "my_saas"


def test_problems_are_reported_and_nothing_is_left(
    generate: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FailedHookException):
        generate({"project_slug": "my-saas", "domain_name": "localhost"})
    names = re.findall(r"^error: (\w+)", capfd.readouterr().err, re.MULTILINE)
    assert names == ["project_slug", "domain_name"]
    assert not list((tmp_path / "output").iterdir())


def test_unknown_strategy_is_refused(generate: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"isolation_strategy.*'schema', 'row', 'database'"):
        generate({"isolation_strategy": "table"})
    assert not list((tmp_path / "output").iterdir())


def test_target_that_exists_is_refused(generate: Callable[..., Path], tmp_path: Path) -> None:
    mine = tmp_path / "output" / "my_saas" / "mine.txt"
    mine.parent.mkdir()
    mine.touch()
    with pytest.raises(OutputDirExistsException, match=r"my_saas.* already exists"):
        generate()
    assert list(mine.parent.iterdir()) == [mine]


def test_target_of_another_strategy_is_refused(
    generate: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    project = generate({"isolation_strategy": "schema"})
    before = contents(project)
    with pytest.raises(FailedHookException):
        generate({"isolation_strategy": "row"}, overwrite_if_exists=True)
    assert "was generated with isolation_strategy=schema" in capfd.readouterr().err
    assert contents(project) == before


def test_target_with_a_folder_that_would_be_deleted_is_refused(
    generate: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    project = generate()
    (project / "strategies").mkdir()
    (project / "strategies" / "mine.py").write_text("# mine\n", encoding="utf-8")
    before = contents(project)
    with pytest.raises(FailedHookException):
        generate(overwrite_if_exists=True)
    assert "'strategies'" in capfd.readouterr().err
    assert contents(project) == before


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_overwriting_restores_the_template_and_keeps_what_is_yours(
    generate: Callable[..., Path], strategy: str
) -> None:
    project = generate({"isolation_strategy": strategy})
    before = contents(project)
    yours = {".env": b"SECRET_KEY=mine\n", "apps/projects/a.py": b"", "apps/yours/b.py": b""}
    for name, content in yours.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_bytes(content)
    (project / "README.md").unlink()
    (project / "config/settings/isolation.py").write_text("# edited\n", encoding="utf-8")
    generate({"isolation_strategy": strategy}, overwrite_if_exists=True)
    assert contents(project) == {**before, **yours}
