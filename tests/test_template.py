"""The template's files, before generation."""

from __future__ import annotations

import difflib
import fnmatch
import itertools
import re
from typing import TYPE_CHECKING

import pytest
from example import edits
from support import (
    CHOICES,
    COOKIECUTTER,
    PARSERS,
    QUESTIONS,
    STRATEGIES,
    TRAITS,
    TREE,
    parse,
    read,
    shipped,
)

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = shipped(TREE)
RENDERED = {
    name: path
    for name, path in SOURCES.items()
    if not any(fnmatch.fnmatch(name, pattern) for pattern in COOKIECUTTER["_copy_without_render"])
}


def overlay(folder: str) -> dict[str, Path]:
    """Return an overlay's files by their final names."""
    return {
        name.removeprefix(f"{folder}/"): path
        for name, path in SOURCES.items()
        if name.startswith(f"{folder}/")
    }


OVERLAYS = {strategy: overlay(f"strategies/{strategy}") for strategy in STRATEGIES}

# Tests of an answer: a condition, a loop, a look-up in a table of cookiecutter.json.
ANSWER_TEST = re.compile(
    r"{%-?\s*(?:if|elif|for)\b|^\s*# cc:\s*(?:if|elif|for)\b|{{[^}]*\bif\b|__\w+\[", re.MULTILINE
)
MOST_ANSWER_TESTS = 40
MOST_ALIKE = 0.6


def test_asks_eight_questions_in_order() -> None:
    people = ["project_name", "project_slug", "description", "author_name", "author_email"]
    assert list(QUESTIONS) == [*people, "domain_name", "isolation_strategy", "license"]
    assert STRATEGIES == ["schema", "row", "database"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_question_is_asked_in_words(question: str) -> None:
    prompt = COOKIECUTTER["__prompts__"][question]
    labels = prompt if question in CHOICES else {"__prompt__": prompt}
    assert set(labels) == {"__prompt__", *CHOICES.get(question, ())}
    # The library that prints prompts interprets brackets as markup.
    assert not [label for label in labels.values() if re.search(r"[\[\]]", label)]


@pytest.mark.parametrize(
    ("folder", "question"), [("strategies", "isolation_strategy"), ("licenses", "license")]
)
def test_every_choice_has_an_overlay(folder: str, question: str) -> None:
    overlays = {name.split("/")[1] for name in SOURCES if name.startswith(f"{folder}/")}
    assert overlays == set(CHOICES[question])


def test_sources_parse_unrendered() -> None:
    for path in SOURCES.values():
        if path.suffix in PARSERS:
            parse(path)


def test_only_files_are_copied_unrendered() -> None:
    """Cookiecutter would delete such a folder, with a user's files, before it copies it."""
    folders = {name.rpartition("/")[0] for name in SOURCES}
    patterns = COOKIECUTTER["_copy_without_render"]
    copied = {folder for pattern in patterns for folder in fnmatch.filter(folders, pattern)}
    assert not copied


def test_what_is_copied_unrendered_refers_to_no_answer() -> None:
    reference = re.compile(r"cookiecutter\.|# cc:")
    copied = {name: path for name, path in SOURCES.items() if name not in RENDERED}
    assert not [name for name, path in copied.items() if reference.search(read(path))]


def test_answer_tests_stay_within_budget() -> None:
    found = {name: len(ANSWER_TEST.findall(read(path))) for name, path in RENDERED.items()}
    assert sum(found.values()) <= MOST_ANSWER_TESTS, found
    assert not [name for name, count in found.items() if count and name.startswith("apps/")]


def test_the_example_can_be_replaced() -> None:
    """Other files do not mention the example, unless the page about replacing it lists the line."""
    example = re.compile(
        r"apps[./]projects\b|\bprojects[._](project|task|attachment)\b"
        r"|/api/v1/(projects|tasks|attachments)\b",
        re.IGNORECASE,
    )
    lines = {name: line for name, line, _ in edits(read(TREE / "docs" / "development.md"))}
    assert len(lines) >= 3
    code = {
        name: read(path).replace(lines.get(name, "\n\n\n\n"), "")
        for name, path in SOURCES.items()
        if not re.search(r"(^|/)apps/projects/|\.md$", name)
    }
    named = {name for name, text in code.items() if example.search(text)}
    assert not named


def test_file_names_are_legal_on_windows() -> None:
    assert not [name for name in SOURCES if re.search(r'[<>:"|?*\\]|[. ](/|$)', name)]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_overlays_replace_no_other_file(strategy: str) -> None:
    traits = [overlay(f"traits/{trait}") for trait in TRAITS[strategy]]
    layers = [SOURCES, OVERLAYS[strategy], *traits]
    names = [name for layer in layers for name in layer]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("pair", list(itertools.combinations(STRATEGIES, 2)), ids="-".join)
def test_overlays_are_not_alike(pair: tuple[str, str]) -> None:
    """Files that two strategies share belong to a trait; migrations are generated."""
    one, other = (
        {name: read(path).splitlines() for name, path in OVERLAYS[strategy].items()}
        for strategy in pair
    )
    alike = {
        (mine, theirs)
        for mine, theirs in itertools.product(one, other)
        if "/migrations/" not in mine and likeness(one[mine], other[theirs]) > MOST_ALIKE
    }
    assert not alike


def likeness(one: list[str], other: list[str]) -> float:
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if one and matcher.real_quick_ratio() > MOST_ALIKE else 0
