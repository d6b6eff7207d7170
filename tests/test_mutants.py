"""The table of mutants fits the code. That each is caught, only ``nox -s mutants`` tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from mutants import Mutant, mutants_of
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
    for test in mutant.caught_by:
        file, name = test.split("::")
        code = (project / file).read_text(encoding="utf-8")
        if not re.search(rf"^def {name.partition('[')[0]}\(", code, re.MULTILINE):
            yield f"{mutant.name}: there is no {test}"
