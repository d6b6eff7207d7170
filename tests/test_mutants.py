"""The table of mutants fits the code; ``nox -s mutants`` proves that each mutant is caught."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mutants import Mutant, find_tests, mutants_of
from support import STRATEGIES, Projects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_mutant_has_its_text_and_its_tests(strategy: str, projects: Projects) -> None:
    found = [
        problem for each in mutants_of(strategy) for problem in _stale(each, projects[strategy])
    ]
    assert not found


def _stale(mutant: Mutant, project: Path) -> Iterator[str]:
    code = (project / mutant.file).read_text(encoding="utf-8")
    if code.count(mutant.old) != 1:
        yield f"{mutant.name}: its text is {code.count(mutant.old)} times in {mutant.file}"
    for entry in mutant.caught_by:
        there = find_tests(entry.partition("::")[0], project)
        if not there or ("::" in entry and entry.partition("[")[0] not in there):
            yield f"{mutant.name}: there is no {entry}"
