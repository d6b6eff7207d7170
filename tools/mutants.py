"""Proves that the tests of the isolation layer can fail: takes its guards away, one at a time.

Run inside a generated project: ``python mutants.py STRATEGY [TEXT…]``, where each TEXT is part of
the names of those to try, by default all. Each mutant is a change to one file, and names the tests
that must notice. It is caught if each of them fails, by a failure and not by an error.

As many are tried at a time as there are processors, each in a copy of the project with a copy of
its test database. One that no test notices there is tried again with a database made by the changed
code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import tomllib

TABLE = Path(__file__).with_suffix(".toml")
RUNNING = Path(".postgres/data/postmaster.pid")
STOP_SECONDS = 30


@dataclass(frozen=True)
class Mutant:
    """A guard taken away: in ``file``, ``old`` becomes ``new``; the tests ``caught_by`` notice."""

    name: str
    file: str
    old: str
    new: str
    caught_by: list[str]
    strategies: list[str]


def mutants_of(strategy: str) -> list[Mutant]:
    """Return the mutants of a strategy, as the table lists them."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    every = [Mutant(**{"strategies": table["strategies"], **row}) for row in table["mutant"]]
    return [mutant for mutant in every if strategy in mutant.strategies]


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
    """Return how a test ended: an error is one of set-up, clean-up or collection."""
    ends = [child.tag for child in case if child.tag in {"failure", "error", "skipped"}]
    return ends[0] if ends else "passed"


def verdict(mutant: Mutant) -> str:
    """Return how a mutant fared in a copy of the project: caught, or why not."""
    # What PostgreSQL still writes while it stops may come back after it was deleted.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        project = Path(folder) / Path.cwd().name
        # Where root runs this, PostgreSQL is another user's: whose files are copied as such, and
        # who must get to them.
        Path(folder).chmod(0o711)
        subprocess.run(["cp", "-a", Path.cwd(), project], check=True)
        path = project / mutant.file
        code = path.read_text(encoding="utf-8")
        if code.count(mutant.old) != 1:
            return f"its text is {code.count(mutant.old)} times in {mutant.file}"
        path.write_text(code.replace(mutant.old, mutant.new), encoding="utf-8")
        found = judge(mutant, results_of("--reuse-db", *mutant.caught_by, project=project))
        if found == "caught":
            return found
        return judge(mutant, results_of("--create-db", *mutant.caught_by, project=project))


def judge(mutant: Mutant, results: dict[str, str]) -> str:
    """Return what the tests that must notice a mutant made of it."""
    failed = {name for name, end in results.items() if end == "failure"}
    broken = {name for name, end in results.items() if end == "error"}
    expected = {test.partition("::")[2] for test in mutant.caught_by}
    # A test that is named without parameters stands for all of its parameters.
    unnoticed = {test for test in expected if not any(same(test, name) for name in failed)}
    if broken or not results:
        return f"broke the tests instead: {', '.join(sorted(broken)) or 'none ran'}"
    return f"SURVIVED {', '.join(sorted(unnoticed))}" if unnoticed else "caught"


def same(test: str, name: str) -> bool:
    """Tell whether a test of the table is the one that ran under ``name``."""
    return name == test or name.startswith(f"{test}[")


def prepare(mutants: list[Mutant]) -> None:
    """Run all of the tests, which must pass; make the test database, and stop its server."""
    tests = sorted({test for mutant in mutants for test in mutant.caught_by})
    before = results_of("--numprocesses=auto", "--dist=worksteal", *tests)
    if failed := [name for name, end in before.items() if end not in {"passed", "skipped"}]:
        sys.exit(f"Before anything is taken away, all must pass: {', '.join(failed)}")
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
            print(row, mutant.caught_by[0].partition("::")[2], sep="  ", flush=True)
            if found != "caught":
                survivors.append(mutant.name)
    if survivors:
        sys.exit(f"{len(survivors)} of {len(mutants)} were not caught: {', '.join(survivors)}")
    print(f"{strategy}: all {len(mutants)} mutants were caught.")


if __name__ == "__main__":
    main()
