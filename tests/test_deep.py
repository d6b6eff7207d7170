"""Records of deep sessions: continuing after a failure, and resuming."""

from __future__ import annotations

from typing import TYPE_CHECKING

import deep
import pytest

if TYPE_CHECKING:
    from pathlib import Path

FAILING = "pool(row)"


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep the records in the test's folder, and return the sessions that would have run."""
    sessions: list[str] = []

    def run(session: str, now: str) -> deep.Record:
        sessions.append(session)
        passed = session != FAILING
        record = {"session": session, "commit": now, "minutes": 1.5, "passed": passed}
        return {**record, "last_line": "3 passed in 1.00s"}

    monkeypatch.setattr(deep, "run", run)
    monkeypatch.setattr(deep, "FOLDER", tmp_path)
    monkeypatch.setattr(deep, "sessions", lambda: ["ship", "pool", "fuzz"])
    monkeypatch.setattr(deep, "commit", lambda: "abc123")
    return sessions


def start(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """Run the program; return its exit status or message."""
    monkeypatch.setattr("sys.argv", ["deep.py", *words])
    try:
        deep.main()
    except SystemExit as ended:
        return ended.code
    return 0


def test_goes_on_after_a_failure_and_ends_with_it(
    ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert start(monkeypatch, "row") == "1 of 3 have not passed: pool"
    assert ran == ["ship(row)", "pool(row)", "fuzz(row)"]


def test_runs_again_only_what_has_not_passed(
    ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start(monkeypatch, "row", "ship")
    start(monkeypatch, "row")
    start(monkeypatch, "row")
    assert ran == ["ship(row)", "pool(row)", "fuzz(row)", "pool(row)"]


@pytest.mark.parametrize("now", ["def456", "abc123-dirty"])
def test_runs_everything_again_on_other_code(
    ran: list[str], monkeypatch: pytest.MonkeyPatch, now: str
) -> None:
    monkeypatch.setattr(deep, "commit", lambda: now)
    start(monkeypatch, "row", "ship")
    monkeypatch.setattr(deep, "commit", lambda: "abc123" if now == "def456" else now)
    start(monkeypatch, "row", "ship")
    assert ran == ["ship(row)"] * 2


@pytest.mark.parametrize("words", [[], ["table"], ["row", "nothing"]])
def test_refuses_what_it_does_not_know(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    message = start(monkeypatch, *words)
    assert "schema, row, database" in str(message)
    assert "mutants" in str(message)


def test_names_the_sessions_of_the_weekly_run() -> None:
    assert {"mutants", "fuzz", "browser", "upgrade"} <= {*deep.sessions()}
