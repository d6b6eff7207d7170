"""Finds retired names and phrases; retired.toml lists them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
TABLE = tomllib.loads((ROOT / "tools" / "retired.toml").read_text(encoding="utf-8"))
ENTRIES = {re.compile(rf"\b{word}\b"): better for word, better in TABLE["identifiers"].items()}
ENTRIES |= {
    re.compile(phrase, re.IGNORECASE): better for phrase, better in TABLE["phrases"].items()
}


def problems(name: str, text: str) -> Iterator[str]:
    """Yield a line for each retired name or phrase in a file, with the term to use instead."""
    for pattern, better in ENTRIES.items():
        for match in pattern.finditer(text):
            number = text.count("\n", 0, match.start()) + 1
            yield f"{name}:{number}: {match[0]!r} is retired; write {better}"


def tracked_files() -> list[str]:
    """Return the names of the repository's text files, without exceptions."""
    command = ["git", "grep", "-I", "--name-only", "-z", "-e", ""]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    return [name for name in listed.stdout.split("\0") if name and name not in TABLE["exceptions"]]


def main() -> int:
    """Print all problems; return 1 if there are any."""
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in tracked_files()}
    found = [line for name, text in texts.items() for line in problems(name, text)]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
