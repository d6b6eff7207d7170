"""Loads the project's `.env` into the environment; variables that are set already win.

`config.variables` declares the variables, and `config.reading` validates them.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from dotenv.parser import Binding, parse_stream

BASE_DIR = Path(__file__).resolve().parent.parent

# The name of a variable that development tools set (`devtools.embedded_postgres`).
EMBEDDED_DATABASE_URL = "EMBEDDED_DATABASE_URL"

STARTED_WITH = frozenset(os.environ)
"""The names of the variables that this process was started with."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse(path: Path) -> tuple[dict[str, str], list[str]]:
    """Parse a `.env`; return its values unchanged, and its problems with their line numbers.

    A problem does not quote its line, which may contain a secret.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            bindings = [each for each in parse_stream(file) if not _is_blank(each)]
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return {}, [f"{path.name} cannot be read: {reason}."]
    problems = dict(_find_problems(bindings))
    values = {each.key or "": each.value or "" for each in bindings if _is_pair(each)}
    return values, [f"{path.name}, line {line}: {problem}" for line, problem in problems.items()]


def _is_blank(binding: Binding) -> bool:
    return binding.key is None and not binding.error


def _is_pair(binding: Binding) -> bool:
    named = binding.value is not None and _NAME.fullmatch(binding.key or "")
    return bool(named) and "\0" not in binding.original.string


def _find_problems(bindings: list[Binding]) -> Iterator[tuple[int, str]]:
    lines: dict[str, int] = {}
    for binding in bindings:
        text, name = binding.original.string, binding.key or ""
        # dotenv counts the blank lines before a binding as a part of it.
        line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
        if not _is_pair(binding):
            yield line, "it is not NAME=value; a value of several lines needs quotes."
        elif name in lines:
            yield line, f"it sets the same variable as line {lines[name]}; keep one of them."
        lines.setdefault(name, line)


_values, PROBLEMS = parse(BASE_DIR / ".env")
"""Problems in `.env`. `config.reading` exits with them and all other problems."""

for _name, _value in _values.items():
    os.environ.setdefault(_name, _value)
