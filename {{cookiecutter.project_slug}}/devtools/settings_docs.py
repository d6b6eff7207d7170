"""Makes `.env.example` and docs/settings.md from `config.variables`.

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
The configuration of one machine, made from config/variables.py. Copy this file to .env, which git \
ignores; variables of the process win over it. In production, set the variables by whatever starts \
the process. docs/settings.md says what each may be.

Values are taken as they are. Docker Compose reads .env too, and takes a $ for another variable \
unless the value is in single quotes.
"""

PAGE = """\
# Settings

The environment configures the project: variables of the process first, then `.env` in its folder.
Every variable is declared in `config/variables.py` and judged when a process starts. What is wrong
or missing is named, all at once and without its value, and the process ends with an error.

- Values are taken as they are: nothing in them refers to another variable. Docker Compose reads
  `.env` as well, and takes a `$` for another variable unless the value is in single quotes.
- In `.env`, a line is `NAME=value`. Blanks around both do not count; what follows ` #` is a
  comment. Quotes keep blanks, `#` and line breaks. A line that says nothing stops the start.
- Empty addresses and secrets are as if they were not set; other empty values are errors.
- For one variable more, add a field to `config/variables.py`, read it in `config/settings`, and run
  `uv run python -m devtools.settings_docs`, which makes `.env.example` and this page.
"""


def files() -> dict[str, str]:
    """Return what is made of the declaration, by the file's name."""
    return {".env.example": "\n".join(_example()), "docs/settings.md": "\n".join(_page())}


def outdated() -> list[str]:
    """Return the files that are not what the declaration makes of them."""
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
        yield from ("| variable | is | without it | meaning |", "| --- | --- | --- | --- |")
        for name, field in _fields(group).items():
            cells = (f"`{name}`", describe(field), _absent(field), _linked(str(field.description)))
            yield f"| {' | '.join(' '.join(cell.split()) for cell in cells)} |"
    yield ""


def _fields(group: type[Group]) -> dict[str, FieldInfo]:
    return group.model_fields


def _summary(group: type[Group]) -> str:
    return " ".join(str(group.__doc__).split())


def _linked(text: str) -> str:
    return re.sub(r"\bdocs/(\w+\.md)", r"[docs/\1](\1)", text)


def _sample(field: FieldInfo) -> str:
    return str(field.examples[0]) if field.examples else _default(field)


def _default(field: FieldInfo) -> str:
    default = field.default
    if isinstance(default, bool):
        return "on" if default else "off"
    return ",".join(default) if isinstance(default, list) else str(default)


def _absent(field: FieldInfo) -> str:
    """Return what holds without a variable."""
    told = [each.text for each in field.metadata if isinstance(each, Otherwise)]
    told = told or [default for default in [_default(field)] if default]
    return "; ".join(told + [each.value for each in field.metadata if each is Mark.REQUIRED])


def main() -> None:
    """Write the files, or name those that are not up to date."""
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
