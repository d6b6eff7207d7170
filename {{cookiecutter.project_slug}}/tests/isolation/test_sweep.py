"""Requests every route for another tenant's data, as every kind of user (CT02, CT16, CT17).

New routes are included automatically.
"""

from collections.abc import Iterator
from itertools import batched, combinations, product
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.isolation.conftest import Call, World
from tests.isolation.declarations import (
    has_shared_key,
    label,
    models_of_tenants,
    tenant_models,
    unknown_id,
)
from tests.isolation.routes import METHODS, Route, routes
from tests.isolation.samples import UNTRIED, NoSample
from tests.support import statements

ROUTES = routes()
# A mailed token is no id; whoever knows it may use it. CT14 tests where.
WITH_IDS = [route for route in ROUTES if set(route.parameters) - {"token"}]
SERVED = [route for route in ROUTES if not route.is_of_admin]
MODELS = models_of_tenants()
LISTS = [
    route
    for route in SERVED
    if route.is_of_api and not (route.is_public or route.parameters) and "GET" in route.methods
]
OPEN = [route for route in SERVED if route.is_public and not route.only_on_shared_host]
REFUSALS = {401, 403, 404, 405}


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_ct02_every_model_has_a_sample(model: Any, world: World) -> None:
    for samples in (world.ours, world.theirs):
        assert model in samples.rows, str(samples.missing[model])
    assert world.ours.row(model).pk != world.theirs.row(model).pk
    if world.twins and model in tenant_models() and not has_shared_key(model):
        ours, theirs = world.twins
        assert ours.row(model).pk == theirs.row(model).pk


@pytest.mark.parametrize("route", SERVED, ids=str)
def test_ct02_every_route_serves_its_own_tenant(route: Route, world: World) -> None:
    """Otherwise requests below could be refused for another reason than the tenant."""
    model = route.model_of("pk")
    for samples, client in ((world.theirs, world.bob), (world.ours, world.clients["owner"])):
        call = Call(route, samples)
        for method in route.methods:
            what = f"{method} {route}"
            if what in UNTRIED:
                pytest.skip(f"{what} {UNTRIED[what]}")
            answer = call(client, method)
            if method == "DELETE" and '"code":"in_use"' in answer.body:
                continue  # since a sample of another model refers to it (PROTECT)
            assert answer.is_done, str(NoSample(f"{what} (it said {answer.body})", what))
            if method == "GET" and model in MODELS:
                assert samples.are_in(answer.body, model)


@pytest.mark.parametrize("route", WITH_IDS, ids=str)
def test_ct02_foreign_id_gets_the_response_of_an_unknown_id(route: Route, world: World) -> None:
    call, theirs = Call(route, world.ours), world.theirs.ids(route)
    names = [name for name in theirs if theirs[name] != call.ids[name]]
    nobodys = {name: unknown_id(route.model_of(name)) for name in names}
    for (who, method), some in product(_questions(route, world), _subsets(names)):
        answers = [
            world.try_out(who, call, method, ids=ids).without(*ids.values())
            for ids in ({name: source[name] for name in some} for source in (theirs, nobodys))
        ]
        assert answers[0] == answers[1], f"{who}: {method} with another's {some}"
        if not route.is_of_admin and method != "OPTIONS":
            assert answers[0][0] in REFUSALS, f"{who}: {method} with another's {some}"


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_ct02_foreign_data_is_neither_disclosed_nor_changed(route: Route, world: World) -> None:
    for samples in (world.ours, *world.twins[:1]):
        call = Call(route, samples)
        for who, method in _questions(route, world):
            world.try_out(who, call, method)


@pytest.mark.parametrize("route", OPEN, ids=str)
def test_ct16_foreign_credentials_do_not_reveal_a_suspended_tenant(
    route: Route, world: World
) -> None:
    """Initech is suspended. Bob's credentials do not reveal this to him."""
    call = Call(route, world.theirs)
    for method in METHODS:
        answers = [
            call(world.bob, method, Host=f"{slug}.localhost").without()
            for slug in ("initech", "nobody")
        ]
        assert answers[0] == answers[1], method


def _questions(route: Route, world: World) -> Iterator[tuple[str, str]]:
    """Return users and requests; public routes need only one user of each kind."""
    who = ["owner", "nobody"] if route.is_public or route.is_of_admin else world.clients
    return product(who, METHODS if route.is_of_api else ["GET", "POST"])


def _subsets(names: list[str]) -> list[tuple[str, ...]]:
    return [some for size in range(1, len(names) + 1) for some in combinations(names, size)]


@pytest.mark.parametrize("route", LISTS, ids=str)
def test_ct17_lists_ignore_filters_across_relations(route: Route, world: World) -> None:
    """Such filters would disclose unreadable values bit by bit.

    The test compares the SQL, not the responses.
    """
    call, client = Call(route, world.ours), world.clients["owner"]

    def sent(query: str) -> tuple[list[str], str]:
        with statements() as sql:
            # On the shared host, since other hosts sometimes need a query for their tenant.
            answer = call(client, "GET", query=query, Host="localhost")
        assert answer.status == 200
        return [each for each in sql if "SAVEPOINT" not in each], answer.body

    plain = sent("")
    for query in _queries(route.model_of("pk"), _declared(route.callback.cls)):
        assert sent(f"?{query}") == plain, query


@pytest.mark.parametrize("route", LISTS, ids=str)
def test_ct17_ordering_fields_belong_to_the_tenant(route: Route, world: World) -> None:
    """Ordering by a relation to shared data would fail, as the ORM does not join it."""
    for name in getattr(route.callback.cls, "ordering_fields", ()):
        answer = Call(route, world.ours)(world.clients["owner"], "GET", query=f"?ordering={name}")
        assert answer.status == 200, name


@pytest.mark.parametrize("route", LISTS, ids=str)
def test_ct17_search_finds_no_foreign_rows(route: Route, world: World) -> None:
    call, client = Call(route, world.ours), world.clients["owner"]
    secrets = (world.theirs.canary, world.theirs.member.email, world.ours.member.password)
    pairs: list[tuple[Any, Any]] = [(secret, f"nothing {unknown_id()}") for secret in secrets]
    pairs += [(world.theirs.row(model).pk, unknown_id()) for model in tenant_models()]
    for name, pair in product(("search", *_declared(route.callback.cls)), pairs):
        answers = [
            call(client, "GET", query="?" + urlencode({name: text})).without(*pair) for text in pair
        ]
        assert answers[0] == answers[1], (name, pair)


def _declared(cls: Any) -> set[str]:
    """Return the filters and orderings that a view declares."""
    filters = getattr(getattr(cls, "filterset_class", None), "base_filters", ())
    named = {*filters, *getattr(cls, "filterset_fields", ()), *getattr(cls, "ordering_fields", ())}
    return {str(name) for name in named}


def _queries(model: Any, declared: set[str]) -> Iterator[str]:
    paths = [path for path in _paths(model, 3) if path not in declared]
    for some in batched(paths, 200):
        for lookup in ("", "__startswith", "__isnull"):
            yield "&".join(f"{path}{lookup}=1" for path in some)
        for sign in ("", "-"):
            yield "ordering=" + ",".join(f"{sign}{path}" for path in some)
        for name in ("fields", "expand", "include", "embed", "omit"):
            yield f"{name}={','.join(some)}"
    yield from ("fields=*", "expand=*", "_connector=OR", "_negated=1", "pk__in=1", "tenant=1")


def _paths(model: Any, depth: int, before: str = "") -> Iterator[str]:
    """Yield lookup paths to columns across one to ``depth`` relations, in both directions."""
    for field in model._meta.get_fields() if model else ():
        path = f"{before}{field.name}"
        if field.related_model is None:
            if before:
                yield path
        elif depth:
            yield f"{path}__pk"
            yield from _paths(field.related_model, depth - 1, f"{path}__")
