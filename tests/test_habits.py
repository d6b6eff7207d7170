"""The search for bad habits of prose."""

from __future__ import annotations

import pytest
from habits import main, problems

FOUND = {
    "a.py": [
        '"""What the tests share."""',
        'def f():\n    """Whether it is so.\n\n    More.\n    """',
        'X = 1\nr"""Whose it is."""',
        "# The user is told why.",
        'message = f"{name}: not so, {found}"',
    ],
    "a.md": [
        "What is missing is named.",
        "Text.\n\nWho may see it is declared.",
        "It ends. What follows is new.",
        "It ends.\nWhat follows is new.",
        "- Whose row it is.",
        "  1. Whether it is on.",
        "| term | What it means |",
        "A task is judged by it.",
        "The browsers are told to wait.",
        "Not so: another.",
    ],
}
LEFT = {
    "a.py": [
        '"""What is new?"""',
        '"""Return what is new."""',
        "# What a comment says.",
        'text = "What is new"',
        "told = judged = not so",
    ],
    "a.md": [
        "# What you get",
        "What is in it? A table.",
        "- Which of them? Who asks?",
        "It shows what is new.",
        "Clients are told apart by it.",
        "```text\nWhat is new.\n```",
    ],
    "a.toml": ['# What is new.\nname = "What it is"'],
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in FOUND.items() for text in texts]
)
def test_habit_is_found(name: str, text: str) -> None:
    (problem,) = problems(name, f"\n\n{text}\n")
    assert problem.startswith(f"{name}:")


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in LEFT.items() for text in texts]
)
def test_other_prose_is_left(name: str, text: str) -> None:
    assert not list(problems(name, f"\n\n{text}\n"))


def test_a_problem_has_its_line() -> None:
    (problem,) = problems("a.md", "One.\n\n```sh\nls\n```\n\nWho asks is known.\n")
    assert problem.startswith("a.md:7: 'Who asks is'")


def test_the_repository_has_none() -> None:
    assert main() == 0
