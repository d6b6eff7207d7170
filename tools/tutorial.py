"""Follow a project's tutorial line by line: ``nox -s tutorial``.

Run in a generated project, in an environment with its tools and uv: ``python tutorial.py``. It
writes each file that the pages show, makes each edit of their tables, and runs each command.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from guides import make_environment, served
from pages import commands
from restore import expect, shell

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = (Path("docs/tutorial.md"), Path("docs/tutorial-page.md"))
SERVE = "uv run manage.py demo"

# Steps of a page: a file to write, commands to run, or a line to add below another.
STEP = re.compile(
    r"""^```\w+(?:\ title="(?P<file>.+?)")?\n(?P<text>.*?)^```
      | ^\|\ `(?P<edited>\S+)`\ \|\ `(?P<below>.+?)`\ \|\ `(?P<line>.+?)`\ \|$""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)

# Texts in the responses to the requests of a block, in this order.
ANSWERS = ['"name":"Blue"', "Room with this name already exists", '"token_tenant_mismatch"']


def steps(page: Path) -> Iterator[dict[str, str]]:
    """Yield the steps of a page, by the names of their parts."""
    for match in STEP.finditer(page.read_text(encoding="utf-8")):
        yield {name: part for name, part in match.groupdict().items() if part is not None}


def write(file: str, text: str) -> None:
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"ok  {file}", flush=True)


def add_line(file: str, below: str, line: str) -> None:
    """Add a line below another one, with its indent; that line must appear once."""
    text = Path(file).read_text(encoding="utf-8")
    found = re.findall(rf"^ *{re.escape(below)}$", text, re.MULTILINE)
    expect(len(found) == 1, f"{file}: {line} below {below}", "\n".join(found))
    (above,) = found
    added = f"{above}\n{above.replace(below, line)}"
    Path(file).write_text(text.replace(above, added), encoding="utf-8")


class Reader:
    """A reader with one terminal for the demo, and another one for everything else."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.terminal = ExitStack()
        self.port = "8000"

    def run(self, block: str) -> None:
        """Run a block; stop the demo before the next block that sends it no request."""
        lines = commands(block)
        if "curl" not in block:
            self.terminal.close()
        if lines == [SERVE]:
            self.port = self.terminal.enter_context(served(self.environment))
            return
        done = shell(*lines, environment=self.environment, replacing=(":8000", f":{self.port}"))
        expect(done.returncode == 0, lines[-1], done.stdout + done.stderr)
        if "curl" in block:
            expected = ".*".join(map(re.escape, ANSWERS))
            expect(re.search(expected, done.stdout, re.DOTALL), "the answers", done.stdout)

    def follow(self, page: Path) -> None:
        print(f"== {page}", flush=True)
        for step in steps(page):
            if "edited" in step:
                add_line(step["edited"], step["below"], step["line"])
            elif "file" in step:
                write(step["file"], step["text"])
            else:
                self.run(step["text"])


def follow() -> None:
    """Follow both pages."""
    reader = Reader(make_environment())
    with reader.terminal:
        for page in PAGES:
            reader.follow(page)


if __name__ == "__main__":
    follow()
