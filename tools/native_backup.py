"""Time a tenant's backup and its restore by the commands of docs/restore.md.

Run in a generated project: ``python native_backup.py TENANT``; prints seconds as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from guides import make_environment
from pages import blocks
from restore import PAGE, expect, shell


def main(tenant: str) -> None:
    environment = make_environment()
    found = blocks(PAGE.read_text(encoding="utf-8"))
    (variables,) = (each for each in found if each.startswith("tenant="))
    variables = variables.replace("tenant=acme", f"tenant={tenant}")
    backup, restore = (each for each in found if "pg_dump" in each and "$tenant" in each)
    # Rows only: without the files, and without the dump that could undo the restore.
    dump = backup.partition("mkdir")[0]
    parts = {
        # First, since the page's own dump replaces its file, which is restored.
        "compressed dump": dump.replace("--file=", "--format=custom --file="),
        "dump": dump,
        "restore": restore.partition("&&")[2],
    }
    seconds = {}
    for name, part in parts.items():
        begun = time.monotonic()
        done = shell(variables, part, environment=environment)
        seconds[name] = time.monotonic() - begun
        expect(done.returncode == 0, name, done.stdout + done.stderr)
    Path(f"{tenant}.sql").unlink()
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(sys.argv[1])
