"""Runs the deep sessions of a strategy one after another, and records their results.

``nox -s deep -- STRATEGY [SESSION ...]`` runs all sessions by default, and continues after a
failure. It skips sessions that have passed on the current commit. So the same command resumes a
stopped run, and several runs on one commit complement each other. Records and logs are in
``build/deep``. Exits 1 if a session has not passed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime, timezone
from typing import Any

import yaml
from template import ROOT, STRATEGIES

FOLDER = ROOT / "build" / "deep"
WORKFLOW = ROOT / ".github" / "workflows" / "deep.yml"
Record = dict[str, Any]


def sessions() -> list[str]:
    """Return the sessions that deep.yml runs for each strategy."""
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    names: list[str] = jobs["session"]["strategy"]["matrix"]["session"]
    return names


def commit() -> str:
    """Return the current commit, marked if the working tree differs from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def is_passed(record: Record | None, now: str) -> bool:
    """Return whether a session passed on this commit; False with uncommitted changes."""
    return record is not None and record["passed"] and record["commit"] == now and "-" not in now


def run(session: str, now: str) -> Record:
    """Run a session with its output in a log; return its record."""
    log = FOLDER / f"{session}.log"
    started = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        command = [sys.executable, "-m", "nox", "-s", session]
        done = subprocess.run(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    own = [line for line in lines if line.strip() and not line.startswith("nox > ")]
    return {
        "session": session,
        "commit": now,
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "minutes": round((time.monotonic() - started) / 60, 1),
        "passed": done.returncode == 0 and "was skipped" not in lines[-1],
        "last_line": own[-1].strip() if own else "",
    }


def row(record: Record) -> str:
    verdict = "passed" if record["passed"] else "FAILED"
    columns = f"{record['session']:<24} {record['minutes']:>5} min  {verdict}"
    return f"{record['commit']:<12} {columns}  {record['last_line'][:90]}"


def main() -> None:
    strategy, *chosen = sys.argv[1:] or [""]
    if strategy not in STRATEGIES or not {*chosen} <= {*sessions()}:
        names = f"one of {', '.join(STRATEGIES)}, then any of {', '.join(sessions())}"
        sys.exit(f"Name {names}: nox -s deep -- {STRATEGIES[0]}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{strategy}.json"
    records: dict[str, Record] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    now, names = commit(), chosen or sessions()
    for name in names:
        if not is_passed(records.get(name), now):
            records[name] = run(f"{name}({strategy})", now)
            path.write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")
        print(row(records[name]), flush=True)
    if failed := [name for name in names if not records[name]["passed"]]:
        sys.exit(f"{len(failed)} of {len(names)} have not passed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
