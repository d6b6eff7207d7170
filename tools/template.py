"""Functions about the template for its tests and tools."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
TREE = ROOT / "{{cookiecutter.project_slug}}"
COOKIECUTTER = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
QUESTIONS = {name: value for name, value in COOKIECUTTER.items() if not name.startswith("_")}
CHOICES = {name: value for name, value in QUESTIONS.items() if isinstance(value, list)}
STRATEGIES = CHOICES["isolation_strategy"]


def read(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text(encoding="utf-8")


def shipped(folder: Path) -> dict[str, Path]:
    """Return the files that a commit of the folder would contain."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout.decode()
    paths = {name: folder / name for name in sorted(names.split("\0")) if name}
    return {name: path for name, path in paths.items() if path.is_file()}


def files(folder: Path) -> dict[str, Path]:
    """Return all files of a folder by their relative paths."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def contents(folder: Path) -> dict[str, bytes]:
    """Return the contents of a folder's files by their relative paths."""
    return {name: path.read_bytes() for name, path in files(folder).items()}
