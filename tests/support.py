"""Facts about the template, and helpers for its tests."""

from __future__ import annotations

import ast
import json
import re
import sys
from typing import TYPE_CHECKING

import nox
import yaml
from template import (
    CHOICES,
    COOKIECUTTER,
    QUESTIONS,
    ROOT,
    STRATEGIES,
    TREE,
    contents,
    files,
    read,
    shipped,
)

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CHOICES",
    "COOKIECUTTER",
    "QUESTIONS",
    "ROOT",
    "STRATEGIES",
    "TREE",
    "contents",
    "files",
    "read",
    "shipped",
]

HOOK = (ROOT / "hooks" / "post_gen_project.py").read_text(encoding="utf-8")
TRAITS = ast.literal_eval(re.search(r"^TRAITS = (\{.*?^\})", HOOK, re.MULTILINE | re.DOTALL)[1])
PARSERS = {".toml": tomllib.loads, ".json": json.loads, ".yaml": yaml.safe_load}
PARSERS[".yml"] = PARSERS[".yaml"]
if sys.version_info >= (3, 12):  # the oldest version that can parse the project's code
    PARSERS[".py"] = ast.parse

# Answers that would be executed or parsed if they were not treated as data.
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

Projects = dict[str, "Path"]


def parse(path: Path) -> object:
    return PARSERS[path.suffix](read(path))


def requirements() -> list[str]:
    """Return the dependencies of a generated project, including those for development."""
    settings = parse(TREE / "pyproject.toml")
    development = nox.project.dependency_groups(settings, "dev")
    return [*settings["project"]["dependencies"], *development]


def quick_start(readme: Path) -> list[str]:
    """Return the commands of the quick start: the first fenced block under the heading."""
    _, _, section = read(readme).partition("\n## Quick start\n")
    return section.split("```")[1].splitlines()[1:]
