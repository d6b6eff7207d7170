"""Proves that the tests of the isolation layer can fail: takes its guards away, one at a time.

Run inside a generated project: ``python mutants.py STRATEGY [TEXT]``, where TEXT is part of the
names of those to try, by default all. Each mutant is a change to one file, and names the test that
must notice. It is caught if that test fails, by a failure and not by an error, while all that is
listed nowhere as noticing it too, and is in the same file, passes.

As many are tried at a time as there are processors, each in a copy of the project.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = Path(__file__).with_suffix(".toml")


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


def results_of(*tests: str, project: Path = Path()) -> dict[str, str]:
    """Run files of tests; return the outcome of each test by its name. Empty if none ran."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", *tests, f"--junitxml={report}"]
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


def judge(mutant: Mutant, project: Path) -> str:
    """Return how a mutant fared in a copy of the project: caught, or why not."""
    path = project / mutant.file
    code = path.read_text(encoding="utf-8")
    if code.count(mutant.old) != 1:
        return f"its text is {code.count(mutant.old)} times in {mutant.file}"
    test_file = mutant.caught_by[0].partition("::")[0]
    expected = {test.partition("::")[2] for test in mutant.caught_by}
    path.write_text(code.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        results = results_of(test_file, project=project)
    finally:
        path.write_text(code, encoding="utf-8")
    failed = {name for name, end in results.items() if end == "failure"}
    broken = {name for name, end in results.items() if end == "error"}
    # A test that is named without parameters stands for all of its parameters.
    noticed = {test for test in expected if any(same(test, name) for name in failed)}
    others = {name for name in failed if not any(same(test, name) for test in expected)}
    if broken or not results:
        return f"broke the tests instead: {', '.join(sorted(broken)) or test_file}"
    if noticed != expected:
        return f"SURVIVED {', '.join(sorted(expected - noticed))}"
    return f"noticed elsewhere too: {', '.join(sorted(others))}" if others else "caught"


def same(test: str, name: str) -> bool:
    """Tell whether a test of the table is the one that ran under ``name``."""
    return name == test or name.startswith(f"{test}[")


@contextmanager
def copies() -> Iterator[SimpleQueue[Path]]:
    """Give a copy of the project for each processor, without its database."""
    with ExitStack() as folders:
        queue: SimpleQueue[Path] = SimpleQueue()
        for _ in range(os.cpu_count() or 1):
            copy = Path(folders.enter_context(tempfile.TemporaryDirectory())) / Path.cwd().name
            shutil.copytree(
                Path.cwd(), copy, ignore=shutil.ignore_patterns(".postgres", ".*_cache")
            )
            queue.put(copy)
        yield queue


def main() -> None:
    """Judge all mutants of the strategy; exit 1 if one was not caught."""
    strategy, text = [*sys.argv[1:], ""][:2]
    mutants = [mutant for mutant in mutants_of(strategy) if text in mutant.name]
    files = sorted({mutant.caught_by[0].partition("::")[0] for mutant in mutants})
    before = results_of("--numprocesses=auto", *files)
    if failed := [name for name, end in before.items() if end not in {"passed", "skipped"}]:
        sys.exit(f"Before anything is taken away, all must pass: {', '.join(failed)}")
    if not before:
        sys.exit(f"No tests ran of {', '.join(files)}")

    verdicts = {}
    with copies() as projects, ThreadPoolExecutor() as pool:

        def tried(mutant: Mutant) -> str:
            project = projects.get()
            try:
                return judge(mutant, project)
            finally:
                projects.put(project)

        for number, (mutant, verdict) in enumerate(
            zip(mutants, pool.map(tried, mutants), strict=True), 1
        ):
            verdicts[mutant.name] = verdict
            row = f"[{number:2}/{len(mutants)}] {strategy:<9} {mutant.name:<52} {verdict}"
            print(row, mutant.caught_by[0].partition("::")[2], sep="  ", flush=True)
    survivors = [name for name, verdict in verdicts.items() if verdict != "caught"]
    if survivors:
        sys.exit(f"{len(survivors)} of {len(mutants)} were not caught: {', '.join(survivors)}")
    print(f"{strategy}: all {len(mutants)} mutants were caught.")


if __name__ == "__main__":
    main()
