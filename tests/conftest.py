"""Fixtures: a copy of the template, and projects generated from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cookiecutter.main import cookiecutter
from support import ROOT, STRATEGIES, Projects, shipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_cookies.plugin import Cookies


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Copy the template's committed files, since cookiecutter would render other files too."""
    copy = tmp_path_factory.mktemp("template")
    for name, path in shipped(ROOT).items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy / name)
    return str(copy)


@pytest.fixture(scope="session")
def projects(cookies_session: Cookies, template: str) -> Projects:
    """Generate a project for each strategy, with default answers."""
    results = {
        strategy: cookies_session.bake({"isolation_strategy": strategy}, template)
        for strategy in STRATEGIES
    }
    failed = {name: repr(result.exception) for name, result in results.items() if result.exception}
    assert not failed
    return {name: result.project_path for name, result in results.items()}


@pytest.fixture(params=STRATEGIES)
def project(request: pytest.FixtureRequest, projects: Projects) -> Path:
    return projects[request.param]


@pytest.fixture
def generate(template: str, tmp_path: Path) -> Callable[..., Path]:
    """Generate into the test's folder, also repeatedly, which Cookies.bake cannot do."""
    configuration = tmp_path / "cookiecutter.yml"
    configuration.write_text(json.dumps({"replay_dir": str(tmp_path)}), encoding="utf-8")
    output = tmp_path / "output"
    output.mkdir()

    def run(answers: dict[str, str] | None = None, **options: bool) -> Path:
        options = {"no_input": True, **options}
        places = {"output_dir": str(output), "config_file": str(configuration)}
        return Path(cookiecutter(template, extra_context=answers, **places, **options))

    return run
