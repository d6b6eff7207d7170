"""Runs the conformance tests of the projects."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contestants import Contestant

LINE = re.compile(r"^(CT\d\d  .+?) {2,}(\d.*)$", re.MULTILINE)


def conformance(contestant: Contestant) -> dict[str, str]:
    """Run a project's isolation tests; return the result of each of the 25. Exit if one fails."""
    command = [sys.executable, "-m", "pytest", "-q", "--numprocesses=auto"]
    done = subprocess.run(
        [*command, "tests/isolation", "tests/strategy"],
        cwd=contestant.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{contestant.name}: {done.stdout[-4000:]}{done.stderr}")
    return dict(LINE.findall(done.stdout))
