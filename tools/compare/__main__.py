"""Compares the three strategies with plain Django, django-tenants and django-rls-tenants.

``nox -s compare`` runs it on a separate PostgreSQL server; ``-- --help`` lists its options.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import measure
import psycopg
from conformance import conformance
from contestants import PEER, PLAIN, STRATEGIES, Contestant, assemble
from fleet import migrations
from one_tenant import backups, by_migrations
from report import put_into, write

PAGE = Path(__file__).parents[2] / "docs" / "measured.md"
PACKAGES = (
    *("Django", "djangorestframework", "psycopg", "gunicorn"),
    *("django-tenants", "django-rls-tenants"),
)

LOAD = 3
"""Requests of many at once, for each round of requests one by one."""


@dataclass(frozen=True)
class Scale:
    """The size of a run: numbers of tenants, rounds of requests, and whether tests run."""

    tenants: int
    of_peer: int
    rounds: int
    with_tests: bool


FULL = Scale(tenants=1000, of_peer=300, rounds=400, with_tests=True)
QUICK = Scale(tenants=40, of_peer=15, rounds=100, with_tests=False)


def main() -> None:
    """Measure, and write the report."""
    parser = argparse.ArgumentParser("nox -s compare --", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 5 minutes, for a first look")
    parser.add_argument("--tenants", type=int, help="tenants in the end (1000, quickly 40)")
    parser.add_argument("--docs", action="store_true", help="put the figures into docs/measured.md")
    parser.add_argument("--build", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    if options.tenants:
        most = max(options.tenants, 2 * measure.FEW)
        scale = replace(scale, tenants=most, of_peer=min(most, scale.of_peer))
    generated = {name: options.build / name / "my_saas" for name in STRATEGIES}
    results = compare(assemble(options.build, generated), scale)
    (options.build / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    for path in write(results, options.build):
        print(path)
    if options.docs:
        put_into(PAGE, results)


def compare(contestants: list[Contestant], scale: Scale) -> dict[str, Any]:
    """Return all measurements, in the form of ``results.json``."""
    results: dict[str, Any] = {"about": about(scale)}
    ours = [each for each in contestants if each.name in STRATEGIES]
    for contestant in measure.progress(contestants, desc="first tenants"):
        contestant.add_tenants(measure.FEW)
    results["provisioning"] = {
        each.name: [seat.seconds for seat in each.seats]
        for each in measure.with_tenants(contestants)
    }
    results["by_migrations"] = {each.name: by_migrations(each) for each in ours}
    results["requests"] = served(contestants, scale, f"{measure.FEW} tenants", counted=True)
    empty = measure.sizes(contestants)
    results["from_pool"] = {
        each.name: [seat.seconds for seat in each.add_tenants(measure.FEW, "--from-pool")]
        for each in ours
    }
    numbers = {PLAIN: 2 * measure.FEW, PEER: scale.of_peer}
    for contestant in measure.progress(contestants, desc="more tenants"):
        wanted = numbers.get(contestant.name, scale.tenants)
        contestant.add_tenants(wanted - len(contestant.seats))
    results["bytes_per_tenant"] = {
        name: (size - empty[name]) / (len(each.seats) - measure.FEW)
        for each in measure.with_tenants(contestants)
        for name, size in measure.sizes([each]).items()
    }
    results["requests_of_many"] = served(contestants, scale, f"{scale.tenants} tenants")
    results["backups"] = {
        each.name: backups(each) for each in measure.progress(ours, desc="backups")
    }
    results["fleet"] = {
        each.name: {"tenants": len(each.seats)} | migrations(each)
        for each in measure.progress(measure.with_tenants(contestants), desc="fleet migrations")
    }
    if scale.with_tests:
        results["conformance"] = {
            each.name: conformance(each) for each in measure.progress(ours, desc="conformance")
        }
    return results


def served(
    contestants: list[Contestant], scale: Scale, title: str, *, counted: bool = False
) -> dict[str, Any]:
    """Return the measurements of running contestants, with round trips if requested."""
    with ExitStack() as servers:
        for contestant in contestants:
            servers.enter_context(contestant.serving())
        measure.loads(contestants, measure.WARM_UP * measure.CLIENTS)
        before = measure.memory(contestants)
        seconds = measure.latencies(contestants, scale.rounds, title)
        load = measure.loads(contestants, scale.rounds * LOAD)
        after = measure.memory(contestants)
        held = measure.connections(contestants)
        trips = measure.round_trips(contestants) if counted else {}
    memory = {name: {"before": before[name], "after": after[name]} for name in after}
    return {
        "seconds": seconds,
        "load": load,
        "round_trips": trips,
        "connections": held,
        "memory": memory,
    }


def about(scale: Scale) -> dict[str, Any]:
    """Return the conditions of the measurements."""
    with psycopg.connect(measure.address()) as connection:
        postgres = connection.info.server_version // 10_000
    return {
        "tenants": scale.tenants,
        "tenants_of_django_tenants": scale.of_peer,
        "rounds": scale.rounds,
        "machine": f"{platform.system()} {platform.machine()}, {os.process_cpu_count()} cores",
        "versions": {
            "Python": platform.python_version(),
            "PostgreSQL": str(postgres),
            **{name: version(name) for name in PACKAGES},
        },
    }


if __name__ == "__main__":
    main()
