"""The noxfile: sessions, choice of Python, and error messages."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING
from unittest.mock import Mock

import nox.registry
import pytest
import pythons
from support import ROOT, STRATEGIES

import noxfile

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")

SHIM = "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"


def put_python(folder: Path, version: str, script: str | None = None) -> Path:
    """Create a script in place of that Python."""
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / f"python{version}"
    python.write_text(script or f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    python.chmod(0o755)
    return python


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set PATH to one folder, in an empty home, without uv."""
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    return folder


def test_sessions_are_there() -> None:
    assert {
        "demo",
        "tests",
        "variants",
        "oldest",
        "deep",
        "pgbouncer",
        "pool",
        "fuzz",
        "noisy",
        "packages",
        "corpus",
        "tasks",
        "container",
        "ship",
        "verification",
        "mutants",
        "guides",
        "example",
        "tutorial",
        "upgrade",
        "engines",
        "docs",
        "diff",
        "migrations",
        "lint",
    } <= nox.registry.get().keys()
    assert noxfile.nox.options.sessions == ["lint", "tests", "variants", "oldest"]
    assert noxfile.STRATEGIES == STRATEGIES


@pytest.mark.parametrize("name", noxfile.ALIKE)
def test_tests_that_run_in_one_strategy_are_those_of_all(name: str) -> None:
    overlays = [*noxfile.TEMPLATE.glob("strategies/*"), *noxfile.TEMPLATE.glob("traits/*")]
    assert (noxfile.TEMPLATE / name).is_file()
    assert not [overlay for overlay in overlays if (overlay / name).exists()]


@pytest.mark.parametrize(
    ("versions", "taken"),
    [(["3.12", "3.13", "3.14"], "3.13"), (["3.11", "3.12", "3.14"], "3.14"), (["3.12"], "3.12")],
)
def test_takes_the_best_python_on_path(path: Path, versions: list[str], taken: str) -> None:
    there = {version: put_python(path, version) for version in versions}
    assert pythons.find_python(noxfile.VERSIONS) == str(there[taken])


def test_passes_over_a_python_that_is_not_what_it_says(path: Path) -> None:
    put_python(path, "3.13", "#!/bin/sh\necho 3.9\n")
    assert pythons.find_python(noxfile.VERSIONS) is None


@pytest.mark.parametrize("root", [".pyenv", "elsewhere/pyenv"])
def test_finds_what_only_pyenv_has(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    """Its shim on PATH refuses to start, and HOME may be empty."""
    shims = tmp_path / root / "shims"
    put_python(shims, "3.13", SHIM)
    monkeypatch.setenv("PATH", f"{path}:{shims}")
    python = put_python(tmp_path / root / "versions" / "3.13.1" / "bin", "3.13")
    assert pythons.find_python(noxfile.VERSIONS) == str(python)


def test_finds_pyenv_by_its_variable(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert path.parent == tmp_path
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "root"))
    python = put_python(tmp_path / "root" / "versions" / "3.12.9" / "bin", "3.12")
    assert pythons.find_python(noxfile.VERSIONS) == str(python)


def test_leaves_it_to_uv_to_fetch_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pythons.find_python(noxfile.VERSIONS) is None
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: object())
    assert pythons.find_python(noxfile.VERSIONS) == "3.13"
    assert not path.exists()


def test_says_so_when_there_is_no_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noxfile, "PYTHON", None)
    session = Mock(**{"error.side_effect": SystemExit})
    with pytest.raises(SystemExit):
        noxfile.generate(session, "row")
    session.error.assert_called_once_with(
        "found no Python 3.12, 3.13, 3.14; install one, or install uv, which fetches one"
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--strategy", "table"], "invalid choice: 'table'"),
        (["--strategy"], "expected one argument"),
    ],
)
def test_demo_refuses_what_it_does_not_know(options: list[str], complaint: str) -> None:
    command = [sys.executable, "-m", "nox", "--no-venv", "-s", "demo", "--", *options]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert complaint in answer.stderr
    assert "Traceback" not in answer.stderr
