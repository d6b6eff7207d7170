"""Show the differences between two generated projects: a line per folder, then the diff.

``python differences.py LEFT RIGHT FOLDER-OF-LEFT FOLDER-OF-RIGHT OUTPUT``
"""

from __future__ import annotations

import difflib
import pydoc
import sys
from collections import Counter, defaultdict
from pathlib import Path

# Random files, and files that a running project creates.
MADE = {".env", ".postgres", "build"}
COLUMNS = "{:<26} {:>13} {:>13} {:>8} {:>7} {:>7}"

Tree = dict[str, list[str]]


def tree(project: Path) -> Tree:
    """Return the lines of a project's files by file name."""
    paths = {path.relative_to(project): path for path in project.rglob("*") if path.is_file()}
    return {
        name.as_posix(): path.read_text(encoding="utf-8").splitlines()
        for name, path in sorted(paths.items())
        if name.parts[0] not in MADE
    }


def folder_of(name: str) -> str:
    """Return the folder that counts a file: its app, or the top-level folder."""
    *folders, _ = name.split("/")
    return "/".join(folders[: 2 if folders[:1] == ["apps"] else 1]) or "."


def differences(sides: list[str], trees: list[Tree]) -> dict[str, list[str]]:
    """Return the difference of each changed file, in the format of `diff --unified`."""
    left, right = trees
    return {
        name: list(
            difflib.unified_diff(
                left.get(name, []),
                right.get(name, []),
                f"{sides[0]}/{name}" if name in left else "/dev/null",
                f"{sides[1]}/{name}" if name in right else "/dev/null",
                lineterm="",
            )
        )
        for name in sorted(left.keys() | right.keys())
        if left.get(name) != right.get(name)
    }


def summary(sides: list[str], trees: list[Tree], found: dict[str, list[str]]) -> str:
    """Return a line for each folder."""
    left, right = trees
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, lines in found.items():
        place = "both" if name in left and name in right else "left" if name in left else "right"
        counts[folder_of(name)].update([place, *(line[0] for line in lines[2:])])
    head = COLUMNS.format("", *(f"only {side}" for side in sides), "in both", "-", "+")
    rows = [
        COLUMNS.format(folder, *(count[key] for key in ("left", "right", "both", "-", "+")))
        for folder, count in sorted(counts.items())
    ]
    same = len(left.keys() & right.keys() - found.keys())
    first = f"{same} files are the same, byte for byte. Of the others, in each folder:"
    return "\n".join([first, "", head, *rows, ""])


def main() -> None:
    *sides, one, other, output = sys.argv[1:]
    trees = [tree(Path(one)), tree(Path(other))]
    found = differences(sides, trees)
    table = summary(sides, trees, found)
    text = "\n".join([table, *(line for lines in found.values() for line in lines)])
    file = Path(output, f"{'-'.join(sides)}.diff")
    file.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    if sys.stdout.isatty():
        pydoc.pager(text)
    else:
        print(text)
    print(f"{table}\nThe lines themselves are in {file}.")


if __name__ == "__main__":
    main()
