"""The repository's own pages and forms are correct."""

from __future__ import annotations

import os
import re
import sys

import prompts
import pytest
from support import ROOT, STRATEGIES, parse, quick_start, read, requirements, shipped

PAGES = {name: path for name, path in shipped(ROOT).items() if path.suffix == ".md"}


def test_quick_start_is_two_commands() -> None:
    run, test = quick_start(ROOT / "README.md")
    assert run.endswith("nox -s demo")
    assert test.endswith("nox")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such mode")
def test_ci_script_can_be_executed() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("name", [name for name in PAGES if "cookiecutter." not in name])
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!https?://|mailto:|#)([^)#]+)", read(PAGES[name]))
    assert not [link for link in links if not (PAGES[name].parent / link).exists()]


def test_every_dependency_has_its_reason() -> None:
    reasons = read(ROOT / "docs" / "dependencies.md")
    names = [re.match(r"[\w-]+", line)[0] for line in requirements()]
    assert not [name for name in names if f"| `{name}` |" not in reasons]


def test_page_of_questions_is_made_from_them() -> None:
    assert read(prompts.PAGE) == prompts.page(), "run: python tools/prompts.py"


def test_pages_are_led_to_and_short() -> None:
    led_to = re.findall(r"^ +- (?:\w+: )?(\S+\.md)$", read(ROOT / "mkdocs.yml"), re.MULTILINE)
    assert {*led_to} == {path.name for path in (ROOT / "docs").iterdir()}
    assert not [name for name in led_to if len(read(ROOT / "docs" / name).splitlines()) > 150]


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_issue_forms_ask_for_the_strategy(name: str) -> None:
    form = parse(ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml")
    assert {"name", "description", "body"} <= form.keys()
    (question,) = [each for each in form["body"] if each.get("id") == "strategy"]
    assert question["type"] == "dropdown"
    assert question["attributes"]["options"][:-1] == STRATEGIES
    assert question["validations"]["required"]


def test_code_of_conduct_is_the_contributor_covenant() -> None:
    assert "contributor-covenant.org/version/2/0/" in read(ROOT / "CODE_OF_CONDUCT.md")
