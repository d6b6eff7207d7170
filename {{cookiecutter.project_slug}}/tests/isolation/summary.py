"""What the conformance tests came to, by name, at the end of a run that had some of them.

A test takes part by its name: ``test_ct02_...``, wherever it is.
"""

import re
from collections import Counter, defaultdict
from typing import Any

CONFORMANCE = {
    "CT01": "Host, header and token agree",
    "CT02": "Another's id is like no id",
    "CT03": "No reference crosses tenants",
    "CT04": "No tenant, no data",
    "CT05": "Guards of the database",
    "CT06": "Connections carry nothing over",
    "CT07": "Demotion and removal take effect at once",
    "CT08": "Refresh tokens",
    "CT09": "The tenant is not the client's to say",
    "CT10": "Background work is in its tenant",
    "CT11": "Work at the same time",
    "CT12": "Caches",
    "CT13": "Roles",
    "CT14": "Invitations",
    "CT15": "Hosts",
    "CT16": "Suspended tenants, inactive users",
    "CT17": "No query by way of relations",
    "CT18": "Objects and querysets of another tenant",
    "CT19": "Names that become identifiers",
    "CT20": "Nothing falls through",
    "CT21": "Views and functions",
    "CT22": "Another's values are like new ones",
    "CT23": "Files",
    "CT24": "Browsers",
    "CT25": "A tenant's life",
}
FOLDER = "tests/isolation/"
OUTCOMES = {"passed": "passed", "failed": "failed", "error": "failed", "skipped": "skipped"}

_NUMBER = re.compile(r"::test_ct(\d\d)_")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the table, from the reports of all workers."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, set[str]] = defaultdict(set)
    here = False
    for category, outcome in OUTCOMES.items():
        for report in terminalreporter.stats.get(category, ()):
            here = here or report.nodeid.startswith(FOLDER)
            if found := _NUMBER.search(report.nodeid):
                name = f"CT{found[1]}"
                counts[name][outcome] += 1
                if outcome == "skipped":
                    reasons[name].add(str(report.longrepr[2]).removeprefix("Skipped: "))
    if here:
        terminalreporter.section("conformance")
        for name, title in CONFORMANCE.items():
            terminalreporter.line(f"{name}  {title:42}  {_result(counts[name], reasons[name])}")


def _result(counts: Counter[str], reasons: set[str]) -> str:
    if not counts:
        return "not covered here"
    result = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    return f"{result} ({'; '.join(sorted(reasons))})" if reasons else result
