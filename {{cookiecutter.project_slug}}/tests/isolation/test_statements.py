"""The number of a route's statements does not grow with the number of rows."""

import json
from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS, transaction

from apps.isolation import tenant_context
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.models import TenantModel
from tests.isolation.conftest import Call, World
from tests.isolation.routes import Route, routes
from tests.isolation.rows import can_be_inserted_in_bulk
from tests.isolation.samples import Samples
from tests.support import statements

# The number of rows of each model: as many as a page of a list can hold.
MANY = 200
# The API queries the membership and rows; a page also its session and navigation.
MOST_OF_API, MOST_OF_PAGE = 4, 8

READABLE = [route for route in routes() if "GET" in route.methods]


@dataclass(frozen=True)
class Count:
    """A route's response, number of rows, and statements."""

    status: int
    rows: int
    sent: list[str]


def fill(own: Samples) -> None:
    """Create rows of every tenant model."""
    for model in own.wanted():
        alias = DEFAULT_DB_ALIAS if issubclass(model, TenantModel) else SHARED_DB
        with tenant_context(own.tenant), transaction.atomic(using=alias):
            rows = [own.build(model) for _ in range(MANY)]
            if can_be_inserted_in_bulk(model):
                model._base_manager.bulk_create(rows)
            else:
                for row in rows:
                    row.save()


def count(world: World, route: Route) -> Count:
    """Count twice and return the smaller count, since cached values may expire in between."""
    call = Call(route, world.ours)
    return min((ask_once(world, route, call) for _ in range(2)), key=lambda each: len(each.sent))


def ask_once(world: World, route: Route, call: Call) -> Count:
    """Request a full page of the list, with sufficient permissions."""
    client = world.clients["staff" if route.is_of_admin else "owner"]
    with statements() as sent:
        answer = call(client, "GET", query=f"?page_size={MANY}" if route.is_of_api else "")
    try:
        rows = len(json.loads(answer.body)["results"])
    except (ValueError, LookupError, TypeError):
        rows = 0
    return Count(answer.status, rows, [sql for sql in sent if "SAVEPOINT" not in sql])


def problem_of(route: Route, few: Count, many: Count) -> str:
    """Return a sentence about a route's statements, or an empty text."""
    if (many.status, many.rows) != (few.status, MANY if few.rows else 0):
        return f"{few.status} with {few.rows} rows, then {many.status} with {many.rows}"
    if len(many.sent) > len(few.sent):
        return f"{len(many.sent)} statements for {MANY} rows, {len(few.sent)} for a few"
    most = MOST_OF_API if route.is_of_api else MOST_OF_PAGE
    return "" if len(many.sent) <= most else f"{len(many.sent)} statements; {most} are enough"


def test_number_of_statements_is_independent_of_rows(world: World) -> None:
    """One test for all routes, since creating the rows takes longest."""
    few = {route: count(world, route) for route in READABLE}
    fill(world.ours)
    problems = {
        str(route): problem_of(route, few[route], count(world, route)) for route in READABLE
    }
    assert len(READABLE) > 50
    assert sum(each.rows > 0 for each in few.values()) > 5
    assert not {route: problem for route, problem in problems.items() if problem}
