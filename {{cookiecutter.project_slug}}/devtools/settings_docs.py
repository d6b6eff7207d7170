"""Generates `.env.example` and docs/settings.md from `config.variables`.

python -m devtools.settings_docs            write them
python -m devtools.settings_docs --check    exit with an error if they are not up to date
"""

import re
import sys
import textwrap
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from config.env import BASE_DIR
from config.reading import describe
from config.variable_types import Group, Mark, Otherwise
from config.variables import GROUPS

WIDTH = 100

EXAMPLE = """\
The configuration of one machine, generated from config/variables.py. Copy this file to .env, \
which git ignores. Variables of the process take precedence; in production, set them where the \
process is started. docs/settings.md describes each variable.

Values are literal. Docker Compose also reads .env, and expands $ in values without single quotes.
"""

PAGE = """\
# Settings

Environment variables configure the project: first those of the process, then those of `.env` in the
project's folder. `config/variables.py` declares every variable. When a process starts, it validates
them, reports all invalid and missing ones at once, without their values, and exits with an error.

- Values are literal: they cannot refer to other variables. Docker Compose also reads `.env`, and
  expands `$` in values without single quotes.
- A line of `.env` is `NAME=value`. Spaces around both are ignored, and `#` after a space begins a
  comment. Quotes preserve spaces, `#` and line breaks. A line in another form stops the start.
- Empty addresses and secrets count as unset; other empty values are errors.
- To add a variable, add a field to `config/variables.py`, read it in `config/settings`, and run
  `uv run python -m devtools.settings_docs`, which generates `.env.example` and this page.
"""


def files() -> dict[str, str]:
    """Return the generated texts by file name."""
    return {".env.example": "\n".join(_example()), "docs/settings.md": "\n".join(_page())}


def outdated() -> list[str]:
    """Return the files that differ from the generated texts."""
    made = files().items()
    return [name for name, text in made if (BASE_DIR / name).read_text("utf-8") != text]


def _example() -> Iterator[str]:
    yield from _comment(EXAMPLE)
    for group in filter(_fields, GROUPS):
        yield from ("", f"# == {_summary(group)}")
        for name, field in _fields(group).items():
            yield from ("", *_comment(str(field.description)))
            yield f"{name}=" if Mark.RANDOM in field.metadata else f"# {name}={_sample(field)}"
    yield ""


def _comment(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        yield from textwrap.wrap(
            " ".join(paragraph.split()),
            WIDTH,
            initial_indent="# ",
            subsequent_indent="# ",
            break_on_hyphens=False,
        )
        if not text.strip().endswith(paragraph):
            yield "#"


def _page() -> Iterator[str]:
    yield PAGE.rstrip()
    for group in filter(_fields, GROUPS):
        title, _, more = _summary(group).partition(". ")
        yield from ("", f"## {title.rstrip('.')}", "")
        if more:
            yield from (*textwrap.wrap(_linked(more), WIDTH), "")
        yield from ("| variable | type | default | meaning |", "| --- | --- | --- | --- |")
        for name, field in _fields(group).items():
            cells = (describe(field), _absent(field), _linked(str(field.description)))
            texts = [f"`{name}`", *(_literal(" ".join(cell.split())) for cell in cells)]
            yield f"| {' | '.join(texts)} |"
    yield ""


def _fields(group: type[Group]) -> dict[str, FieldInfo]:
    return group.model_fields


def _summary(group: type[Group]) -> str:
    return " ".join(str(group.__doc__).split())


def _linked(text: str) -> str:
    return re.sub(r"\bdocs/(\w+\.md)", r"[docs/\1](\1)", text)


def _literal(text: str) -> str:
    """Mark addresses and lists of characters as code."""
    return re.sub(r"\b[a-z+]+://[^\s,;]+|- \. _[ ~+/]*(?<! )", r"`\g<0>`", text)


def _sample(field: FieldInfo) -> str:
    return str(field.examples[0]) if field.examples else _default(field)


def _default(field: FieldInfo) -> str:
    default = field.default
    if isinstance(default, bool):
        return "on" if default else "off"
    return ",".join(default) if isinstance(default, list) else str(default)


def _absent(field: FieldInfo) -> str:
    """Return the description of a variable's default."""
    texts = [each.text for each in field.metadata if isinstance(each, Otherwise)]
    texts = texts or [default for default in [_default(field)] if default]
    return "; ".join(texts + [each.value for each in field.metadata if each is Mark.REQUIRED])


def main() -> None:
    """Write the files, or report outdated ones."""
    if "--check" in sys.argv:
        sys.exit(
            f"Run python -m devtools.settings_docs: {', '.join(found)}"
            if (found := outdated())
            else 0
        )
    for name, text in files().items():
        (BASE_DIR / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
