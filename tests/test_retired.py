"""The search for retired names."""

from __future__ import annotations

import pytest
from retired import ENTRIES, TABLE, problems


@pytest.mark.parametrize("word", TABLE["identifiers"])
def test_identifier_is_found_as_a_whole_word(word: str) -> None:
    is_retired = f"{word!r} is retired"
    assert [line for line in problems("a.py", f"x\n{word}(1)") if is_retired in line]
    assert not [line for line in problems("a.py", f"my{word}s") if is_retired in line]


@pytest.mark.parametrize(
    "text", ["behind The walls", "a wall", "the catalogue", "is at head", "An escape hatch"]
)
def test_phrase_is_found_in_any_case(text: str) -> None:
    (problem,) = problems("a.md", f"\n\n{text}.")
    assert problem.startswith("a.md:3: ")


def test_no_advice_is_retired_itself() -> None:
    assert not [better for better in ENTRIES.values() if list(problems("advice", better))]
