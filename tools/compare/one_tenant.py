"""Measurements of one tenant: first migration, backup and restore."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fleet import OF_THEIR_OWN
from measure import seconds_of

if TYPE_CHECKING:
    from contestants import Contestant

TIMES = 3

sys.path.append(str(Path(__file__).parents[1]))
from pages import blocks  # noqa: E402 - it stands beside this folder


def by_migrations(contestant: Contestant) -> list[float]:
    """Return the seconds of all migrations of a tenant by Django."""
    if contestant.name not in OF_THEIR_OWN:
        return []
    script = Path(__file__).with_name("by_migrations.py")
    return [float(line) for line in contestant.run(str(script), str(TIMES)).splitlines()]


def backups(contestant: Contestant) -> dict[str, list[float]]:
    """Return the seconds of backup and restore by the commands of the project's docs/restore.md.

    For the restore, only the step that restores the rows is measured, including its safety copy but
    without files.
    """
    before, _, after = (
        (contestant.folder / "docs/restore.md").read_text(encoding="utf-8").partition("\n## The re")
    )
    names, backup = blocks(before)
    (restore,) = (block for block in blocks(after) if "psql --quiet" in block)
    measured: dict[str, list[float]] = {"backup": [], "restore": []}
    with tempfile.TemporaryDirectory() as folder:
        for seat in contestant.seats[:TIMES]:
            named = names.replace("tenant=acme", f"tenant={seat.host.partition('.')[0]}")
            for what, block in (("backup", backup), ("restore", restore)):
                work = partial(_shell, contestant, named + block, folder)
                measured[what].append(seconds_of(work))
    return measured


def _shell(contestant: Contestant, text: str, folder: str) -> None:
    environment = contestant.environment | {"MEDIA_ROOT": f"{folder}/media"}
    command = ["bash", "-euo", "pipefail", "-c", text]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{contestant.name}: {text}\n{done.stderr}")
