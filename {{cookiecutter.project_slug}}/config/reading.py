"""Validates the environment when the process starts, and exits with all problems."""

import os
import sys
from collections.abc import Mapping
from functools import cache

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from config.env import PROBLEMS
from config.variable_types import Mark, Rule
from config.variables import FIELDS, Variables

# After exit status 1, gunicorn would restart the process forever. After this status
# (WORKER_BOOT_ERROR of its arbiter) the server ends.
CANNOT_START = 3


@cache
def read(*, production: bool = False) -> Variables:
    """Return the environment's variables; exit if one is invalid or missing."""
    problems = [*PROBLEMS, *find_problems(os.environ, production=production)]
    if problems:
        lines = [
            "The configuration (environment and .env) is invalid; see docs/settings.md:",
            *problems,
        ]
        sys.stderr.write("\n  ".join(lines) + "\n")
        sys.exit(CANNOT_START)
    return Variables.model_validate(_ours(os.environ))


def find_problems(texts: Mapping[str, str], *, production: bool) -> list[str]:
    """Return a sentence for each invalid or missing variable. No sentence contains a value."""
    found: dict[str, str] = {}
    for name, field in FIELDS.items():
        if production and Mark.REQUIRED in field.metadata and not texts.get(name, "").strip():
            found[name] = f"{name} is missing: it is required in production."
    try:
        Variables.model_validate(_ours(texts))
    except ValidationError as error:
        for name in (str(each["loc"][0]) for each in error.errors(include_input=False)):
            what = describe(FIELDS[name])
            found.setdefault(name, f"{name} must be {what}.")
    return [found[name] for name in FIELDS if name in found]


def describe(field: FieldInfo) -> str:
    """Return the description of a variable's valid values, with its bounds."""
    words = next(each.must_be for each in field.metadata if isinstance(each, Rule))
    bounds = {
        name: getattr(each, name)
        for each in field.metadata
        for name in ("ge", "le")
        if hasattr(each, name)
    }
    return f"{words} from {bounds['ge']} to {bounds['le']}" if bounds else words


def _ours(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: texts[name] for name in FIELDS if name in texts}
