"""What the tests know of the template."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import nox
import yaml

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
TREE = ROOT / "{{cookiecutter.project_slug}}"
COOKIECUTTER = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
QUESTIONS = {name: value for name, value in COOKIECUTTER.items() if not name.startswith("_")}
CHOICES = {name: value for name, value in QUESTIONS.items() if isinstance(value, list)}
STRATEGIES = CHOICES["isolation_strategy"]
HOOK = (ROOT / "hooks" / "post_gen_project.py").read_text(encoding="utf-8")
TRAITS = ast.literal_eval(re.search(r"^TRAITS = (\{.*?^\})", HOOK, re.MULTILINE | re.DOTALL)[1])
PARSERS = {".toml": tomllib.loads, ".json": json.loads, ".yaml": yaml.safe_load}
PARSERS[".yml"] = PARSERS[".yaml"]
if sys.version_info >= (3, 12):  # the oldest that understands the project's code
    PARSERS[".py"] = ast.parse

# Answers that would be something else than text, were they not treated as data.
TRICKY = [
    "\"quoted\" and 'quoted'",
    '"""',
    "'''",
    "back\\slash\\",
    '\\"both\\"',
    "Ünïcode and “quotes”",
    "emoji \N{GRINNING FACE} and \N{MAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}",
    "{{ cookiecutter.project_slug }}",
    "{% raw %} {# comment #}",
    "# cc: if x",
    "__import__('os').abort()",
    '""") or exit(3) or json.loads("""',
    "$(exit 3) `exit 3` %s {0} ${HOME}",
    "<script>alert(1)</script> &amp;",
]

Projects = dict[str, Path]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def parse(path: Path) -> object:
    return PARSERS[path.suffix](read(path))


def requirements() -> list[str]:
    """Return what a generated project depends on, to run and to be worked on."""
    settings = parse(TREE / "pyproject.toml")
    development = nox.project.dependency_groups(settings, "dev")
    return [*settings["project"]["dependencies"], *development]


def shipped(folder: Path) -> dict[str, Path]:
    """Return what a commit of the folder would hold: no caches, no files of this machine."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout.decode()
    paths = {name: folder / name for name in sorted(names.split("\0")) if name}
    return {name: path for name, path in paths.items() if path.is_file()}


def files(folder: Path) -> dict[str, Path]:
    """Return all files of a folder by their relative paths."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def contents(folder: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in files(folder).items()}


def quick_start(readme: Path) -> list[str]:
    """Return the commands that a newcomer pastes: the first fenced block under the heading."""
    _, _, section = read(readme).partition("\n## Quick start\n")
    return section.split("```")[1].splitlines()[1:]
