"""Writes the report: tables, charts, and conclusions for three kinds of team."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from io import StringIO
from statistics import fmean, median, quantiles
from textwrap import fill
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from contestants import PEER, PLAIN, ROW_PEER, STRATEGIES
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

mpl.use("svg")

NAMES = [PLAIN, PEER, ROW_PEER, *STRATEGIES]

RATES = {"schema": 0.97, "row": 0.92, "database": 0.97}
"""Goals: requests per second, relative to plain Django."""

SLOWEST = 1.05
"""Goal: 95th percentile of the response times, relative to plain Django."""

TRIPS = {"GET": 2, "POST": 3}
GROWTH = 1.10
MEGABYTES = 150

MEMORY = 1.05
"""Goal: growth of a process's memory while it serves, relative to plain Django."""

OF_MIGRATIONS = {"schema": 10, "database": 15}
"""Goals: how many times faster a tenant is created than its migrations would run."""

FROM_POOL = 20
"""Goal: milliseconds to create a tenant with storage that was provisioned in advance."""

NOTHING = 0.6
"""Goal: seconds of PostgreSQL's work for a ``migrate`` with nothing to apply."""

AGAINST_PEER, AGAINST_SQL = 100, 2
"""Goals for a new field: times faster than django-tenants, and times slower than SQL alone."""

BEGIN, END = "<!-- made by nox -s compare -->\n", "<!-- until here -->\n"
"""Lines of a page between which the figures are inserted."""

MS = 1000
BLOCKS = 10
"""Parts of a run; their ratios show the spread."""

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8888; }
th:first-child, td:first-child { text-align: left; }
svg { background: white; max-width: 100%; height: auto; }
"""


@dataclass
class Section:
    """A section of the report: heading, text, table, chart."""

    title: str
    text: str
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    chart: str = ""


def write(results: dict[str, Any], folder: Path) -> list[Path]:
    """Write ``report.md`` and ``report.html``; return their paths."""
    sections = [
        _about(results["about"]),
        _reading(results),
        _goals(results),
        *_requests(results),
        _load(results),
        _growth(results),
        _provisioning(results),
        _fleet(results),
        _costs(results),
        _backups(results),
        *_conformance(results),
    ]
    texts = {"report.md": _markdown(sections), "report.html": _html(sections)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def put_into(page: Path, results: dict[str, Any]) -> None:
    """Insert the most important figures into a page, between its marker lines."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = "".join([before, BEGIN, _markdown_of(_figures(results)), END, after])
    page.write_text(text, encoding="utf-8", newline="\n")


def _figures(results: dict[str, Any]) -> Section:
    about, requests = results["about"], results["requests"]
    seconds, trips = requests["seconds"], requests["round_trips"]
    rows = [
        [
            name if name == PLAIN else f"`{name}`" if name in STRATEGIES else name,
            *(f"{_ratio(seconds[kind][PLAIN], seconds[kind][name]):.2f}" for kind in seconds),
            " / ".join(f"{trips[kind][name]:.0f}" for kind in seconds),
            *(
                f"{median(results['provisioning'][name]) * MS:.0f} ms"
                if name in results["provisioning"]
                else "",
                f"{results['bytes_per_tenant'][name] / 2**20:.2f} MB"
                if name in results["bytes_per_tenant"]
                else "",
            ),
        ]
        for name in NAMES
    ]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    text = (
        f"Of plain Django's requests per second, {about['rounds']} rounds in turns, with 10 "
        f"tenants; disk with {about['tenants']}. {about['machine']}; {versions}."
    )
    head = ["", "a list", "a new row", "round trips", "a new tenant", "disk of a tenant"]
    return Section("", text, head, rows)


def _about(about: dict[str, Any]) -> Section:
    text = (
        f"{about['machine']}. Up to {about['tenants']} tenants of each strategy and "
        f"{about['tenants_of_django_tenants']} of django-tenants; it and django-rls-tenants are "
        f"set up as their tutorials do. {about['rounds']} rounds of requests, one to each project "
        "in turn. All are on one PostgreSQL, each served by one process with production settings. "
        "Ratios are to plain Django, without tenants. The times are this machine's; the raw "
        "figures are in results.json."
    )
    rows = [[name, number] for name, number in about["versions"].items()]
    return Section("The comparison", text, ["software", "version"], rows)


def _requests(results: dict[str, Any]) -> list[Section]:
    measured = results["requests"]
    sections = []
    for kind, what in (("GET", "A list of 50 tasks"), ("POST", "A new task")):
        seconds = measured["seconds"][kind]
        rows = [
            [
                name,
                f"{measured['round_trips'][kind][name]:.1f}",
                *(f"{value * MS:.2f}" for value in _percentiles(seconds[name])),
                f"{1 / fmean(seconds[name]):.0f}",
                _ratio_text(seconds[PLAIN], seconds[name]),
                f"{_slowest(seconds[PLAIN], seconds[name]):.2f}",
            ]
            for name in NAMES
        ]
        head = ["project", "round trips", "p50 ms", "p95 ms", "p99 ms", "per second"]
        head += ["requests per second against plain (tenths of the run)", "p95 to plain's"]
        chart = _boxes({name: [value * MS for value in seconds[name]] for name in NAMES})
        sections.append(Section(what, f"`{kind} /api/v1/tasks/`, 10 tenants.", head, rows, chart))
    return sections


def _load(results: dict[str, Any]) -> Section:
    few, many = results["requests"]["load"], results["requests_of_many"]["load"]
    rows = [[name, f"{few[name]:.0f}", f"{many[name]:.0f}"] for name in NAMES]
    text = (
        "Requests per second of eight concurrent clients, each for all tenants in turn: nine lists "
        "for one new task. No list contained another tenant's row; otherwise the run would fail."
    )
    head = ["project", "10 tenants", f"{results['about']['tenants']} tenants"]
    return Section("Many at once", text, head, rows)


def _growth(results: dict[str, Any]) -> Section:
    rows = [[name, *(f"{_grown(results, kind, name):.2f}" for kind in TRIPS)] for name in NAMES]
    text = (
        f"How much longer a request takes with {results['about']['tenants']} tenants than with 10 "
        "(medians, divided by the growth of plain Django). The requests are for ten tenants."
    )
    return Section("Growth", text, ["project", *TRIPS], rows)


def _grown(results: dict[str, Any], kind: str, name: str) -> float:
    few, many = results["requests"]["seconds"][kind], results["requests_of_many"]["seconds"][kind]
    return (median(many[name]) / median(few[name])) / (median(many[PLAIN]) / median(few[PLAIN]))


def _provisioning(results: dict[str, Any]) -> Section:
    seconds = results["provisioning"]
    by_migrations = {PEER: seconds[PEER], **results["by_migrations"]}
    rows = [
        [
            name,
            *(f"{value * MS:.1f}" for value in (median(values), min(values), max(values))),
            _median_ms(by_migrations.get(name)),
            _median_ms(results["from_pool"].get(name)),
        ]
        for name, values in seconds.items()
    ]
    chart = _bars({name: median(values) * MS for name, values in seconds.items()}, "ms")
    text = (
        "Time until the tenant can be served: its rows in the shared data and the audit log, and "
        "its storage. For comparison: the time of its migrations alone, which django-tenants runs "
        "for each tenant, and the time with storage that was provisioned in advance."
    )
    head = ["project", "median ms", "least", "most", "its migrations ms", "from the pool ms"]
    return Section("A new tenant", text, head, rows, chart)


def _fleet(results: dict[str, Any]) -> Section:
    rows = [
        [
            name,
            f"{run['tenants']}",
            f"{run['start']:.1f}",
            f"{run['nothing']:.1f}",
            f"{run['busy']:.2f}",
            f"{run['field']:.1f}",
            f"{_per_tenant(run) * MS:.1f}",
            f"{run['raw']:.2f}",
            f"{run['killed_after']}" if "killed_after" in run else "",
        ]
        for name, run in results["fleet"].items()
    ]
    text = (
        "`migrate` with nothing to do, including PostgreSQL's part of it, and with one new field. "
        "The times are those of whole processes with Django's start, which the time per tenant "
        "excludes. The same change by SQL alone is the lower bound. The last column is the number "
        "of migrated tenants when the process was killed; after a second run, each tenant was "
        "migrated once."
    )
    head = ["project", "tenants", "start s", "nothing s", "of it PostgreSQL s", "field s"]
    head += ["ms per tenant", "SQL alone s", "killed after"]
    chart = _bars(
        {name: _per_tenant(run) * MS for name, run in results["fleet"].items()}, "ms per tenant"
    )
    return Section("A migration of all tenants", text, head, rows, chart)


def _per_tenant(run: dict[str, float]) -> float:
    """Return the seconds of a new field per tenant, at least the clock's resolution."""
    return max(run["field"] - run["start"], 0.001) / run["tenants"]


def _costs(results: dict[str, Any]) -> Section:
    held, memory = (results["requests_of_many"][key] for key in ("connections", "memory"))
    rows = [
        [
            name,
            *(f"{memory[name][when]:.0f}" for when in ("before", "after")),
            f"{results['bytes_per_tenant'].get(name, 0) / 2**20:.2f}",
            f"{held[name]['connections']}",
            f"{held[name]['largest_mb']:.0f}",
        ]
        for name in NAMES
    ]
    head = ["project", "process MB, warm", "after the requests"]
    head += ["MB per tenant", "connections", "largest connection MB"]
    text = (
        "Memory of one server process, before and after the requests; disk of a tenant with 50 "
        "tasks; and the process's connections to PostgreSQL."
    )
    return Section("What a tenant costs", text, head, rows)


def _backups(results: dict[str, Any]) -> Section:
    rows = [
        [name, *(f"{median(run[what]):.2f}" for what in ("backup", "restore"))]
        for name, run in results["backups"].items()
    ]
    text = (
        f"One of {results['about']['tenants']} tenants, by the commands of the project's own "
        "docs/restore.md, without files. The restore first saves the current data."
    )
    return Section("Backup and restore", text, ["project", "backup s", "restore s"], rows)


def _conformance(results: dict[str, Any]) -> list[Section]:
    """Return the table of the conformance tests, if they ran."""
    found = results.get("conformance", {})
    rows = [
        [name, *(found[strategy][name] for strategy in STRATEGIES)]
        for name in found.get(STRATEGIES[0], {})
    ]
    text = "Tests that try to reach one tenant from another, in each of the three projects."
    return [Section("Conformance", text, ["", *STRATEGIES], rows)] if rows else []


def _goals(results: dict[str, Any]) -> Section:
    text = (
        "Goals and results. A rate is within the spread if a quarter of the run's tenths reached "
        "the goal."
    )
    head = ["", "project", "goal", "reached", ""]
    return Section("Goals", text, head, list(_goal_rows(results)))


def _goal_rows(results: dict[str, Any]) -> Iterator[list[str]]:
    measured, fleet = results["requests"], results["fleet"]
    for kind, trips in TRIPS.items():
        seconds = measured["seconds"][kind]
        for name, rate in RATES.items():
            ratio, _, upper = _ratios(seconds[PLAIN], seconds[name])
            verdict = "within the spread" if ratio < rate <= upper else _verdict(ratio >= rate)
            yield [f"{kind}, rate", name, f"≥ {rate}", f"{ratio:.2f}", verdict]
            yield _at_most(
                f"{kind}, p95", name, SLOWEST, _slowest(seconds[PLAIN], seconds[name]), ".2f"
            )
            # A new connection sends one more message.
            found = round(measured["round_trips"][kind][name])
            yield _at_most(f"{kind}, round trips", name, trips, found, "d")
            yield _at_most(f"{kind}, growth", name, GROWTH, _grown(results, kind, name), ".2f")
    for name, part in OF_MIGRATIONS.items():
        once = median(results["by_migrations"][name]) / median(results["provisioning"][name])
        yield [
            *("a new tenant, of its migrations", name),
            *(f"≤ 1/{part}", f"1/{once:.1f}", _verdict(once >= part)),
        ]
    for name, seconds in results["from_pool"].items():
        yield _at_most("from the pool, ms", name, FROM_POOL, median(seconds) * MS, ".1f")
    for name, held in results["requests_of_many"]["connections"].items():
        if name in STRATEGIES:
            growth = _memory_growth(results, name)
            yield _at_most("memory of a process, growth", name, MEMORY, growth, ".2f")
            yield _at_most("memory of a connection, MB", name, MEGABYTES, held["largest_mb"], ".0f")
    for name in OF_MIGRATIONS:
        run = fleet[name]
        yield _at_most("migrate, nothing to do, s", name, NOTHING, run["busy"], ".1f")
        sql = (run["field"] - run["nothing"]) / run["raw"]
        yield _at_most("a field, of SQL alone", name, AGAINST_SQL, sql, ".1f")
        faster = _per_tenant(fleet[PEER]) / _per_tenant(run)
        yield [
            *("a field, faster than migrate_schemas", name),
            *(f"≥ {AGAINST_PEER}", f"{faster:.0f}", _verdict(faster >= AGAINST_PEER)),
        ]


def _memory_growth(results: dict[str, Any], name: str) -> float:
    """Return the growth of a process's memory, compared with plain Django."""
    memory = results["requests_of_many"]["memory"]
    grown = {each: memory[each]["after"] / memory[each]["before"] for each in (name, PLAIN)}
    return grown[name] / grown[PLAIN]


def _at_most(what: str, name: str, goal: float, found: float, form: str) -> list[str]:
    return [what, name, f"≤ {goal}", f"{found:{form}}", _verdict(found <= goal)]


def _verdict(reached: object) -> str:
    return "yes" if reached else "no"


def _reading(results: dict[str, Any]) -> Section:
    seconds = results["requests"]["seconds"]["GET"]
    speed = {name: _ratio(seconds[PLAIN], seconds[name]) for name in STRATEGIES}
    new = {name: median(results["provisioning"][name]) * MS for name in STRATEGIES}
    disk = {name: results["bytes_per_tenant"][name] / 2**20 for name in STRATEGIES}
    text = (
        f"Many small customers who sign up by themselves: row. A tenant takes {new['row']:.0f} ms "
        f"and {disk['row']:.2f} MB, and `migrate` runs once; lists come at {speed['row']:.2f} of "
        "plain Django's rate. "
        f"Some hundreds of companies, each with tables that can be backed up and looked at apart: "
        f"schema. A tenant takes {new['schema']:.0f} ms and {disk['schema']:.2f} MB; "
        f"{speed['schema']:.2f} of the rate. "
        f"A few customers whose contracts ask for a database and a password of their own: "
        f"database. {new['database']:.0f} ms, {disk['database']:.2f} MB, connections for each; "
        f"{speed['database']:.2f} of the rate."
    )
    return Section("How to read it", text)


def _ratio(plain: list[float], other: list[float]) -> float:
    """Return the requests per second relative to plain Django."""
    return fmean(plain) / fmean(other)


def _ratios(plain: list[float], other: list[float]) -> tuple[float, float, float]:
    """Return the ratio of the whole run, and the quartiles of those of its tenths."""
    size = max(len(plain) // BLOCKS, 1)
    parts = [
        _ratio(plain[start : start + size], other[start : start + size])
        for start in range(0, size * BLOCKS, size)
    ]
    lower, _, upper = quantiles(parts, n=4)
    return _ratio(plain, other), lower, upper


def _ratio_text(plain: list[float], other: list[float]) -> str:
    ratio, lower, upper = _ratios(plain, other)
    return f"{ratio:.2f} ({lower:.2f} to {upper:.2f})"


def _slowest(plain: list[float], other: list[float]) -> float:
    """Return the 95th percentile relative to plain Django."""
    return _percentiles(other)[1] / _percentiles(plain)[1]


def _median_ms(seconds: list[float] | None) -> str:
    return f"{median(seconds) * MS:.1f}" if seconds else ""


def _percentiles(values: list[float]) -> tuple[float, float, float]:
    hundredths = quantiles(values, n=100)
    return median(values), hundredths[94], hundredths[98]


def _boxes(values: dict[str, list[float]]) -> str:
    figure, axes = plt.subplots(figsize=(8, 2.6))
    axes.boxplot(list(values.values()), tick_labels=list(values), orientation="horizontal", sym="")
    axes.invert_yaxis()
    axes.set_xlabel("ms")
    return _svg(figure)


def _bars(values: dict[str, float], unit: str) -> str:
    figure, axes = plt.subplots(figsize=(8, 2.2))
    bars = axes.barh(list(values), list(values.values()))
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.set_xlabel(f"{unit} (logarithmic)")
    return _svg(figure)


def _svg(figure: Any) -> str:
    figure.tight_layout()
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    plt.close(figure)
    return text.getvalue().partition("<svg")[2].join(["<svg", ""])


def _markdown(sections: list[Section]) -> str:
    parts = [
        f"{'##' if level else '#'} {section.title}\n\n{_markdown_of(section)}"
        for level, section in enumerate(sections)
    ]
    return "\n".join(parts)


def _markdown_of(section: Section) -> str:
    parts = [fill(section.text, 100, break_on_hyphens=False)]
    if section.rows:
        lines = [section.head, ["---"] * len(section.head), *section.rows]
        parts.append("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
    return "\n\n".join(parts) + "\n"


def _marked(text: str) -> str:
    """Convert Markdown's inline code to HTML."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _html(sections: list[Section]) -> str:
    parts = []
    for level, section in enumerate(sections):
        tag = "h2" if level else "h1"
        parts += [f"<{tag}>{escape(section.title)}</{tag}>", f"<p>{_marked(section.text)}</p>"]
        if section.rows:
            head = "".join(f"<th>{escape(cell)}</th>" for cell in section.head)
            rows = ["".join(f"<td>{escape(cell)}</td>" for cell in cells) for cells in section.rows]
            body = "".join(f"<tr>{cells}</tr>" for cells in [head, *rows])
            parts.append(f"<table>{body}</table>")
        parts.append(section.chart)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Comparison</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )
