"""Finds the commands in pages of documentation."""

from __future__ import annotations

import re
import textwrap

BLOCK = re.compile(r"^( *)```(\w*)(?: title=[^\n]*)?\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
# A comment, but no "#" within a word or a parameter.
COMMENT = re.compile(r"(?:^|\s)#\s.*")


def blocks(text: str) -> list[str]:
    """Return the shell code of a page's fenced blocks, also within lists."""
    return [textwrap.dedent(block[3]) for block in BLOCK.finditer(text) if block[2] == "sh"]


def commands(block: str) -> list[str]:
    """Return the lines of a block as a shell reads them."""
    lines = block.replace("\\\n", " ").splitlines()
    bare = (" ".join(COMMENT.sub("", line).split()) for line in lines)
    return [line for line in bare if line]


def spans(text: str) -> list[str]:
    """Return inline code of sentences and tables."""
    prose = BLOCK.sub("", text)
    return [" ".join(span.split()) for span in SPAN.findall(prose)]


# Commands: a program with arguments, or a script.
RUNNABLE = re.compile(
    r"(?:uv|nox|docker|python3?|manage\.py|cookiecutter|cruft|pip|git|gh|psql|pg_\w+|curl|tar"
    r"|xcaddy|pyenv|apt|openssl|kubectl|kustomize|promtool|pre-commit|pytest) |\S+\.sh\b"
)
IN_FRONT = re.compile(
    r"^(?:\./|\.(?:venv|tools)/bin/|uv run (?:--group \w+ |--no-dev )?|python (?=\S+\.py))"
)


def plain(command: str) -> str:
    """Return a command without prefixes such as ``uv run``."""
    while (shorter := IN_FRONT.sub("", command)) != command:
        command = shorter
    return command


def all_commands(text: str) -> list[str]:
    """Return all commands of a page, in blocks and sentences, in the form of `plain`."""
    lines = [line for block in blocks(text) for line in commands(block)]
    lines += [span for span in spans(text) if RUNNABLE.match(span) or RUNNABLE.match(plain(span))]
    return [plain(part) for line in lines for part in line.split(" && ")]
