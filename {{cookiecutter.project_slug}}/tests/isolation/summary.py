"""Prints the results of the conformance tests by number at the end of a run.

The name of a test contains its number: ``test_ct02_...``.
"""

import re
from collections import Counter, defaultdict
from typing import Any

CONFORMANCE = {
    "CT01": "Tenant binding",
    "CT02": "Foreign ids",
    "CT03": "References",
    "CT04": "No tenant",
    "CT05": "Database invariants",
    "CT06": "Connection hygiene",
    "CT07": "Demotion and removal",
    "CT08": "Refresh tokens",
    "CT09": "Tenant not writable",
    "CT10": "Work outside requests",
    "CT11": "Concurrency",
    "CT12": "Caches",
    "CT13": "Roles",
    "CT14": "Invitations",
    "CT15": "Hosts",
    "CT16": "Suspended and inactive",
    "CT17": "Filters and ordering",
    "CT18": "Objects and querysets",
    "CT19": "Names",
    "CT20": "No fall-through",
    "CT21": "Views and functions",
    "CT22": "No oracle",
    "CT23": "Files",
    "CT24": "Browsers",
    "CT25": "Life of a tenant",
}
FOLDER = "tests/isolation/"
OUTCOMES = {"passed": "passed", "failed": "failed", "error": "failed", "skipped": "skipped"}

_NUMBER = re.compile(r"::test_ct(\d\d)_")
_MISSING = re.compile(r'Add a line to SAMPLES in \S+: ("[^"\n]+": lambda own: \.\.\.)')


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table from the reports of all workers."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, set[str]] = defaultdict(set)
    missing: set[str] = set()
    here = False
    for category, outcome in OUTCOMES.items():
        for report in terminalreporter.stats.get(category, ()):
            here = here or report.nodeid.startswith(FOLDER)
            if outcome == "failed":
                missing.update(_MISSING.findall(str(report.longrepr)))
            if found := _NUMBER.search(report.nodeid):
                name = f"CT{found[1]}"
                counts[name][outcome] += 1
                if outcome == "skipped":
                    reasons[name].add(str(report.longrepr[2]).removeprefix("Skipped: "))
    if here:
        terminalreporter.section("conformance")
        for name, title in CONFORMANCE.items():
            terminalreporter.line(f"{name}  {title:24}  {_result(counts[name], reasons[name])}")
    if here and missing:
        terminalreporter.line(f"\nLines that SAMPLES in {FOLDER}samples.py lacks:")
        for line in sorted(missing):
            terminalreporter.line(f"    {line}")


def _result(counts: Counter[str], reasons: set[str]) -> str:
    if not counts:
        return "not covered here"
    result = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    return f"{result} ({'; '.join(sorted(reasons))})" if reasons else result
