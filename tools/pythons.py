"""Finds the Pythons of this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def pythons(version: str) -> Iterator[Path]:
    """Yield possible paths of Python: on PATH, and in every pyenv on PATH.

    pyenv has a shim on PATH for each of its versions, and most of them refuse to start: a shim
    serves only the versions that the current folder or the user has selected.
    """
    folders = [Path(entry) for entry in os.get_exec_path() if entry]
    yield from (folder / f"python{version}" for folder in folders)
    roots = [Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()]
    roots += [folder.parent for folder in folders if folder.name == "shims"]
    for root in dict.fromkeys(roots):
        yield from sorted(root.glob(f"versions/{version}*/bin/python{version}"), reverse=True)


def starts(python: Path, version: str) -> bool:
    """Return whether the interpreter exists, starts, and has the version in its name."""
    ask = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        answer = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == version


def find_python(versions: tuple[str, ...]) -> str | None:
    """Return the first interpreter of these versions, or a version for uv, or None."""
    for version in versions:
        for python in pythons(version):
            if starts(python, version):
                return str(python)
    return versions[0] if shutil.which("uv") or importlib.util.find_spec("uv") else None
