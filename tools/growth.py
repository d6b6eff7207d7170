"""Measures a project of each strategy while the number of its tenants grows.

``nox -s growth`` creates tenants up to each count and times the commands that visit them all. The
raw data is ``build/growth/results.json``. Exits 1 if a command's time for one tenant grows.

`-- --counts 100 500`: other numbers of tenants; `-- --docs`: only write the last run's figures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from uuid import uuid4

from measured import put_into, table
from template import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTS = [100, 500, 1000, 2000]
MOST = {"database": 1000}
"""Most tenants of a strategy that does not plan for more in one installation."""

GROWTH = 1.3
"""Goal: the time for one of the most tenants, in terms of the time for one of the fewest."""

NEW = 20
"""New tenants that are timed at each count."""

COMMANDS = {
    "`migrate` with nothing to do": ("migrate", "--skip-checks"),
    "`check_fleet`": ("check_fleet",),
    "`tenant_health_check`": ("tenant_health_check",),
    "`list_tenants`": ("list_tenants",),
}

Figures = dict[str, dict[str, float]]
"""Seconds by count and by what was timed."""


def main() -> None:
    """Measure all strategies, or one of them inside of its project."""
    parser = argparse.ArgumentParser("nox -s growth --", description=__doc__)
    parser.add_argument("folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="tenants")
    parser.add_argument("--docs", action="store_true", help="only write the last run's figures")
    options = parser.parse_args()
    if options.inside:
        options.folder.write_text(json.dumps(measure(options.counts)), encoding="utf-8")
        return
    results = options.folder.absolute() / "results.json"
    if not options.docs:
        found = {name: run(options.folder, name, options.counts) for name in STRATEGIES}
        results.write_text(json.dumps(found, indent=1), encoding="utf-8")
    found = json.loads(results.read_text(encoding="utf-8"))
    if options.docs:
        put_into("growth", table_of(found))
        return
    print(table_of(found))
    if problems := [line for name in STRATEGIES for line in growing(name, found[name])]:
        sys.exit("\n".join(problems))


def run(folder: Path, strategy: str, counts: list[int]) -> Figures:
    """Measure a strategy's project in a process of its own."""
    project = next((folder.absolute() / strategy).glob("my_*"))
    result = folder.absolute() / f"{strategy}.json"
    wanted = [str(each) for each in counts if each <= MOST.get(strategy, each)]
    program = [sys.executable, __file__, str(result), "--inside", "--counts", *wanted]
    environment = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
    print(f"{strategy}: {', '.join(wanted)} tenants", flush=True)
    subprocess.run(program, cwd=project, env=environment, check=True)
    figures: Figures = json.loads(result.read_text(encoding="utf-8"))
    return figures


def measure(counts: list[int]) -> Figures:
    """Create tenants up to each count, and time the commands there."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as python -m would
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    from devtools.embedded_postgres import configure_environment

    configure_environment()
    import django

    django.setup()
    from django.core.management import call_command, get_commands

    call_command("migrate", verbosity=0)
    figures: Figures = {}
    for count in sorted(counts):
        create(count - NEW)
        figures[str(count)] = {"a new tenant": timed(partial(create, NEW, more=True)) / NEW}
        for what, command in COMMANDS.items():
            if command[0] in get_commands():
                run_it = partial(call_command, *command, stdout=quiet(), verbosity=0)
                figures[str(count)][what] = timed(run_it)
    return figures


def create(count: int, *, more: bool = False) -> None:
    """Create tenants until there are so many, or so many more."""
    from apps.memberships.roles import Role
    from apps.memberships.services import add_member
    from apps.tenants.models import Tenant
    from apps.tenants.services import create_tenant
    from django.contrib.auth import get_user_model

    owner, _ = get_user_model()._default_manager.get_or_create(email="owner@example.test")
    for _ in range(count if more else count - Tenant.objects.count()):
        slug = f"many-{uuid4().hex}"
        add_member(create_tenant(slug=slug, name=slug), owner, Role.OWNER)


def timed(function: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    begun = time.monotonic()
    function()
    return time.monotonic() - begun


def quiet() -> TextIO:
    """Return a stream that keeps nothing."""
    return Path(os.devnull).open("w", encoding="utf-8")


def growing(strategy: str, figures: Figures) -> list[str]:
    """Return a sentence for each command whose time for one tenant grows."""
    fewest, most = min(figures, key=int), max(figures, key=int)
    grown = {
        what: (seconds / int(most)) / (figures[fewest][what] / int(fewest))
        for what, seconds in figures[most].items()
        if what in COMMANDS
    }
    return [
        f"{strategy}: {what} takes {times:.1f} times as long for each of {most} tenants."
        for what, times in grown.items()
        if times > GROWTH
    ]


def table_of(found: dict[str, Figures]) -> str:
    """Return the figures in Markdown."""
    head = ["seconds", "tenants", *(f"`{strategy}`" for strategy in STRATEGIES)]
    counts = sorted({count for figures in found.values() for count in figures}, key=int)
    rows = [
        [what, f"{int(count):,}", *(cell(found[name], count, what) for name in STRATEGIES)]
        for what in ("a new tenant", *COMMANDS)
        for count in counts
    ]
    return table(head, rows)


def cell(figures: Figures, count: str, what: str) -> str:
    """Return seconds with two digits that count; empty for what was not measured."""
    seconds = figures.get(count, {}).get(what)
    return "" if seconds is None else f"{seconds:.3f}" if seconds < 1 else f"{seconds:.1f}"


if __name__ == "__main__":
    main()
