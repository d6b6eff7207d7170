"""A session runs every command of the documentation, except listed ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import nox.registry
import pytest
from pages import all_commands, blocks, commands, plain
from support import ROOT, files, parse, quick_start, read, shipped

import noxfile

if TYPE_CHECKING:
    from pathlib import Path

    from support import Projects

GUIDES = parse(ROOT / "tools" / "guides.toml")
OURS = {name: path for name, path in shipped(ROOT).items() if "cookiecutter." not in name}
RESTORE = "docs/restore.md"
TUTORIAL = ["docs/tutorial.md", "docs/tutorial-page.md"]  # `nox -s tutorial` runs them
SCARCE = {"a container engine", "a cloud account"}
CI = "\n".join(read(path) for path in sorted((ROOT / ".github" / "workflows").iterdir()))
SESSION = re.compile(r'nox(?: -s "?(\w+).*)?')


def pages(folder: Path) -> dict[str, str]:
    found = OURS if folder == ROOT else files(folder)
    return {name: read(path) for name, path in found.items() if path.suffix == ".md"}


def run_by_guides(project: Path) -> set[str]:
    """Return the commands that the session runs in a project: the pages' blocks and others."""
    run = [plain(command) for command in GUIDES["also"]]
    for name in [*GUIDES["pages"], RESTORE, *TUTORIAL]:
        run += [plain(line) for block in blocks(read(project / name)) for line in commands(block)]
    # The session starts the server by the first line of the quick start.
    run += [plain(part) for part in quick_start(project / "README.md")[0].split(" && ")]
    return set(run)


def in_ci(session: str) -> bool:
    return session in noxfile.nox.options.sessions or re.search(rf"\b{session}\b", CI) is not None


def is_run(command: str, run: set[str]) -> bool:
    if any(command.startswith(prefix) for prefix in GUIDES["needs"]):
        return True
    if session := SESSION.fullmatch(command):
        return session[1] is None or in_ci(session[1])
    return any(each.startswith(command) for each in {*run, *map(plain, GUIDES["sessions"])})


def test_every_command_of_a_project_is_run(projects: Projects) -> None:
    for project in projects.values():
        run = run_by_guides(project)
        every = {
            (name, each) for name, text in pages(project).items() for each in all_commands(text)
        }
        assert not {(name, each) for name, each in every if not is_run(each, run)}


def test_every_command_of_the_template_is_run(projects: Projects) -> None:
    run = {"python3 -m venv .venv", "python -m pip install -q nox uv cookiecutter"}
    run = run.union(*map(run_by_guides, projects.values()))
    every = {(name, each) for name, text in pages(ROOT).items() for each in all_commands(text)}
    assert not {(name, each) for name, each in every if not is_run(each, run)}


@pytest.mark.parametrize("session", sorted({*GUIDES["sessions"].values(), "guides", "tutorial"}))
def test_sessions_that_run_them_are_run_by_ci(session: str) -> None:
    assert session in nox.registry.get()
    assert in_ci(session)


def test_what_is_not_run_needs_what_no_session_has() -> None:
    assert set(GUIDES["needs"].values()) <= SCARCE


def test_nothing_in_the_lists_is_stale(projects: Projects) -> None:
    folders = [ROOT, *projects.values()]
    every = [
        each for folder in folders for text in pages(folder).values() for each in all_commands(text)
    ]
    listed = [*GUIDES["also"], *GUIDES["sessions"], *GUIDES["needs"]]
    assert not [one for one in listed if not any(each.startswith(plain(one)) for each in every)]
