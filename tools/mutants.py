"""Proves that tests can fail: removes one guard at a time, and runs the tests that must notice.

Run inside a generated project: ``python mutants.py STRATEGY [TEXT…]``, where each TEXT is a part of
the names of the mutants to try, by default all. Each mutant is a change to one file, and names what
must notice it: a conformance test by its number (CT07), a test by its id, or a file of tests. It is
caught if each named test fails, and one test of each number or file. An error is not a failure.

Mutants run in parallel, one per processor, each in a copy of the project with a copy of its test
database. A mutant that is not caught is tried again with a new database.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import tomllib

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLE = Path(__file__).with_suffix(".toml")
STRATEGIES = ("schema", "row", "database")
RUNNING = Path(".postgres/data/postmaster.pid")
STOP_SECONDS = 30
# First with the copied database, until a test fails. Then all tests, with a new database.
TRIES = (("--reuse-db", "--exitfirst"), ("--create-db", "--maxfail=0"))


@dataclass(frozen=True)
class Mutant:
    """A guard that is removed: in ``file``, ``old`` becomes ``new``; ``caught_by`` must notice."""

    name: str
    file: str
    old: str
    caught_by: list[str]
    new: str = ""
    strategies: Sequence[str] = STRATEGIES


def mutants_of(strategy: str) -> list[Mutant]:
    """Return the mutants of a strategy, as the table lists them."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    every = [Mutant(name, **row) for name, row in table.items()]
    return [mutant for mutant in every if strategy in mutant.strategies]


def find_tests(entry: str, project: Path = Path()) -> list[str]:
    """Return the ids of the tests that an entry of ``caught_by`` stands for."""
    if "::" in entry:
        return [entry]
    files, prefix = [project / entry], "test_"
    if not entry.endswith(".py"):
        folders = [project / "apps", project / "tests"]
        files = sorted(path for folder in folders for path in folder.rglob("test_*.py"))
        prefix = f"test_{entry.lower()}_"
    pattern = re.compile(rf"^(?:async )?def ({prefix}\w+)\(", re.MULTILINE)
    return [
        f"{path.relative_to(project).as_posix()}::{name}"
        for path in files
        for name in pattern.findall(path.read_text(encoding="utf-8"))
    ]


def results_of(*arguments: str, project: Path = Path()) -> dict[str, str]:
    """Run tests; return the outcome of each by its name. Empty if none ran."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", *arguments, f"--junitxml={report}"]
        subprocess.run(command, cwd=project, capture_output=True, check=False)
        if not report.exists():
            return {}
        results: dict[str, str] = {}
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
            name = case.get("name", "")
            # A test that failed, and whose clean-up then failed too, has failed.
            results[name] = "failure" if results.get(name) == "failure" else outcome(case)
        return results


def outcome(case: ET.Element) -> str:
    """Return the result of a test; an error is one in set-up, clean-up or collection."""
    ends = [child.tag for child in case if child.tag in {"failure", "error", "skipped"}]
    return ends[0] if ends else "passed"


def verdict(mutant: Mutant) -> str:
    """Try a mutant in a copy of the project; return "caught", or the reason why not."""
    # A stopping PostgreSQL may write files while they are deleted.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        project = Path(folder) / Path.cwd().name
        # For root, PostgreSQL runs as another user, who owns the copied files and must have access
        # to them.
        Path(folder).chmod(0o711)
        subprocess.run(["cp", "-a", Path.cwd(), project], check=True)
        path = project / mutant.file
        code = path.read_text(encoding="utf-8")
        if code.count(mutant.old) != 1:
            return f"its text is {code.count(mutant.old)} times in {mutant.file}"
        path.write_text(code.replace(mutant.old, mutant.new), encoding="utf-8")
        for options in TRIES:
            found = run_named_tests(mutant, project, *options)
            if found == "caught":
                break
        return found


def run_named_tests(mutant: Mutant, project: Path, database: str, stop: str) -> str:
    """Run the tests that must notice a mutant; return "caught", or the reason why not."""
    named = [entry for entry in mutant.caught_by if "::" in entry]
    results = results_of(database, *named, project=project) if named else {}
    for group in sorted({*mutant.caught_by} - {*named}):
        results |= results_of(database, stop, *find_tests(group, project), project=project)
    failed = [name for name, end in results.items() if end == "failure"]
    broken = [name for name, end in results.items() if end == "error"]
    unnoticed = [
        entry
        for entry in mutant.caught_by
        if not any(same(test, name) for test in find_tests(entry, project) for name in failed)
    ]
    if unnoticed and (broken or not results):
        return f"broke the tests instead: {', '.join(sorted(broken)) or 'none ran'}"
    return f"SURVIVED {', '.join(unnoticed)}" if unnoticed else "caught"


def same(test: str, name: str) -> bool:
    """Return whether ``test`` is the id of the test ``name``, with or without parameters."""
    function = test.partition("::")[2]
    return name == function or name.startswith(f"{function}[")


def prepare(mutants: list[Mutant]) -> None:
    """Run all tests, which must pass; create the test database, and wait for its server to stop."""
    entries = {entry for mutant in mutants for entry in mutant.caught_by}
    tests = sorted({test for entry in entries for test in find_tests(entry)})
    before = results_of("--numprocesses=auto", "--dist=worksteal", *tests)
    if failed := [name for name, end in before.items() if end not in {"passed", "skipped"}]:
        sys.exit(f"Without mutants, all tests must pass, but failed: {', '.join(failed)}")
    if not before:
        sys.exit(f"No tests ran of {', '.join(tests)}")
    results_of("--create-db", "--reuse-db", tests[0])
    deadline = time.monotonic() + STOP_SECONDS
    while RUNNING.exists():
        if time.monotonic() > deadline:
            sys.exit("PostgreSQL did not stop, so its files cannot be copied.")
        time.sleep(0.1)


def main() -> None:
    """Try all mutants of the strategy; exit 1 if one was not caught."""
    strategy, *texts = sys.argv[1:]
    wanted = texts or [""]
    mutants = [each for each in mutants_of(strategy) if any(text in each.name for text in wanted)]
    prepare(mutants)
    survivors = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tried = zip(mutants, pool.map(verdict, mutants), strict=True)
        for number, (mutant, found) in enumerate(tried, 1):
            row = f"[{number:2}/{len(mutants)}] {strategy:<9} {mutant.name:<52} {found}"
            print(row, mutant.caught_by[0].rpartition("::")[2], sep="  ", flush=True)
            if found != "caught":
                survivors.append(mutant.name)
    if survivors:
        sys.exit(f"{len(survivors)} of {len(mutants)} were not caught: {', '.join(survivors)}")
    print(f"{strategy}: all {len(mutants)} mutants were caught.")


if __name__ == "__main__":
    main()
