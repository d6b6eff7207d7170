"""Finds sentences whose subject is a clause, and verbs that the field does not use.

Docstrings and sentences of pages must not begin with What, Who, Whose or Whether, except questions.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from retired import ROOT, tracked_files

if TYPE_CHECKING:
    from collections.abc import Iterator

# Files that are not searched: the examples of what is found.
EXCEPTIONS = {"tools/habits.py", "tests/test_habits.py"}

CLAUSE = r"(?P<found>(?:What|Who|Whose|Whether)\b)(?![^.!]*\?)"
DOCSTRING = re.compile(rf'^ *r?"""{CLAUSE}', re.MULTILINE)
# Starts of sentences: of a paragraph, an item or a cell, or after another sentence.
SENTENCE = re.compile(rf"(?:(?:\A|\n)\n|^ *(?:[-*]|\d+\.) |\| |[.:] |\.\n *){CLAUSE}", re.MULTILINE)
FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
PHRASES = {
    re.compile(r"\b(?:is|are|was|were|be|been) told\b(?! apart)"): "say who sends what",
    re.compile(r"\b(?:is|are|was|were|be|been) judged\b"): "write validate or check",
    re.compile(r"\bnot so[:,]", re.IGNORECASE): "say what is wrong",
}


def problems(name: str, text: str) -> Iterator[str]:
    """Yield a line for each habit in a file, with a way to write it instead."""
    beginnings = {".py": DOCSTRING, ".md": SENTENCE}
    if name.endswith(".md"):
        text = FENCE.sub(lambda fence: re.sub(r"\S", " ", fence[0]), text)
    for suffix, pattern in beginnings.items():
        for match in pattern.finditer(text) if name.endswith(suffix) else ():
            yield _line(name, text, match.start("found"), "begins a sentence; name its subject")
    for pattern, better in PHRASES.items():
        for match in pattern.finditer(text):
            yield _line(name, text, match.start(), f"is to be avoided; {better}")


def _line(name: str, text: str, position: int, advice: str) -> str:
    number = text.count("\n", 0, position) + 1
    words = " ".join(text[position:].split(maxsplit=3)[:3])
    return f"{name}:{number}: {words!r} {advice}"


def main() -> int:
    """Print all problems; return 1 if there are any."""
    names = [name for name in tracked_files() if name not in EXCEPTIONS]
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in names}
    found = [line for name, text in texts.items() for line in problems(name, text)]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
