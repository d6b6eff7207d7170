"""Measurements. The contestants take turns, since ratios are more reliable than times."""

from __future__ import annotations

import os
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from contestants import PLAIN, Client, Contestant, Seat
from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable

FEW = 10
"""Tenants that requests are for, however many there are: the last ones."""

CLIENTS = 8
"""Clients that ask at the same time, when many do."""

WARM_UP = 30
COUNTED = 50
"""Requests over which round trips are counted."""

STATISTICS = 11
"""Seconds after which PostgreSQL's counters are up to date: an idle backend reports after ten."""

progress = partial(tqdm, leave=False, disable=None)
"""A bar, drawn on a terminal only."""

KINDS: dict[str, Callable[[Client, Seat], float]] = {
    "GET": Client.list_tasks,
    "POST": Client.add_task,
}


def latencies(
    contestants: list[Contestant], rounds: int, title: str
) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of each request, by kind and contestant.

    Each round sends one request of each kind to each contestant in random order, for another
    tenant.
    """
    clients = {contestant.name: Client(contestant) for contestant in contestants}
    tenants = {c.name: list(islice(cycle(c.seats[-FEW:]), WARM_UP + rounds)) for c in contestants}
    times: dict[str, dict[str, list[float]]] = {
        kind: {name: [] for name in clients} for kind in KINDS
    }
    for number in progress(range(WARM_UP + rounds), desc=title, unit="round"):
        for kind, ask in KINDS.items():
            for name in random.sample(list(clients), len(clients)):
                times[kind][name].append(ask(clients[name], tenants[name][number]))
    for client in clients.values():
        client.close()
    return {
        kind: {name: values[WARM_UP:] for name, values in by_name.items()}
        for kind, by_name in times.items()
    }


def loads(contestants: list[Contestant], requests: int) -> dict[str, float]:
    """Return the requests per second of many concurrent clients, each for all tenants in turn.

    Each list is checked for rows of other tenants.
    """
    return {
        each.name: requests / seconds_of(partial(_load, each, requests))
        for each in progress(contestants, desc="many at once")
    }


def _load(contestant: Contestant, requests: int) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        asked = [pool.submit(_ask_all, contestant, requests // CLIENTS) for _ in range(CLIENTS)]
    for each in asked:
        each.result()


def _ask_all(contestant: Contestant, requests: int) -> None:
    """Request lists of all tenants in random order, and sometimes add a task."""
    client = Client(contestant)
    seats = random.sample(contestant.seats, len(contestant.seats))
    for number, seat in enumerate(islice(cycle(seats), requests)):
        ask = Client.list_tasks if number % 10 else Client.add_task
        ask(client, seat)
    client.close()


def round_trips(contestants: list[Contestant]) -> dict[str, dict[str, float]]:
    """Return the number of transactions of a request, according to PostgreSQL."""
    trips: dict[str, dict[str, float]] = {}
    before = _transactions(contestants)
    for kind, ask in KINDS.items():
        for contestant in contestants:
            client = Client(contestant)
            for _ in range(COUNTED):
                ask(client, contestant.seats[-1])
            client.close()
        after = _transactions(contestants)
        trips[kind] = {name: round((after[name] - before[name]) / COUNTED, 1) for name in after}
        before = after
    return trips


def _transactions(contestants: list[Contestant]) -> dict[str, int]:
    time.sleep(STATISTICS)
    query = "SELECT sum(xact_commit) FROM pg_stat_database WHERE "
    return {each.name: int(_value(query + each.databases())) for each in contestants}


def sizes(contestants: list[Contestant]) -> dict[str, int]:
    """Return the bytes on disk of each contestant."""
    query = "SELECT sum(pg_database_size(datname)) FROM pg_database WHERE "
    return {each.name: int(_value(query + each.databases())) for each in contestants}


def connections(contestants: list[Contestant]) -> dict[str, dict[str, float]]:
    """Return each server's number of connections, and the maximum memory of one, in MB."""
    found = {}
    for each in contestants:
        pids = rows(f"SELECT pid FROM pg_stat_activity WHERE {each.databases()}")
        memory = [_own_megabytes(pid) for (pid,) in pids]
        found[each.name] = {"connections": len(pids), "largest_mb": max(memory, default=0)}
    return found


def memory(contestants: list[Contestant]) -> dict[str, float]:
    """Return the memory of each server's one process for requests, in MB."""
    found = {}
    for each in contestants:
        children = Path(f"/proc/{each.server}/task/{each.server}/children")
        pids = map(int, children.read_text(encoding="utf-8").split())
        found[each.name] = sum(map(_own_megabytes, pids))
    return found


def _own_megabytes(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    match = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(match[1]) / 1024 if match else 0


def seconds_of(work: Callable[[], Any]) -> float:
    """Return the seconds of a function call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def address() -> str:
    """Return the shared server's address with the owner."""
    return os.environ["DATABASE_OWNER_URL"]


def rows(query: str, url: str = "", **options: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with psycopg.connect(url or address(), **options) as connection:  # type: ignore[arg-type]
        return connection.execute(query.encode()).fetchall()


def _value(query: str) -> Any:
    return rows(query)[0][0]


def with_tenants(contestants: list[Contestant]) -> list[Contestant]:
    """Return the contestants with tenants."""
    return [contestant for contestant in contestants if contestant.name != PLAIN]
