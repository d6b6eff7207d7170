"""Fixtures with two tenants whose rows are easy to tell apart."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import override_settings
from rest_framework.permissions import SAFE_METHODS

from apps.authentication.tokens import TenantRefreshToken
from apps.isolation import tenant_context
from apps.isolation.testing import (
    IDS_ARE_UNIQUE_AMONG_TENANTS,
    api_client,
    invariants,
    make_member,
    make_tenant,
    pool,
)
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from tests.isolation.oracles import Answer, ask, fingerprint, taken_back
from tests.isolation.routes import WRITES, Route
from tests.isolation.samples import SAMPLES, Samples, Twins, make_user
from tests.sample.models import Book, Shelf


def run[T](coroutine: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous code to its end, and close the connections of its thread."""

    async def main() -> T:
        try:
            return await coroutine
        finally:
            await sync_to_async(connections.close_all)()

    # A pool of one connection needs this thread's connection back, unless it is in a transaction.
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
    return asyncio.run(main())


@dataclass
class Side:
    """A tenant with a shelf, a book on it, and a member's client."""

    tenant: Any
    shelf: Shelf
    book: Book
    client: Any


@pytest.fixture
def sides(acme: Any, globex: Any, client_of: Callable[..., Any]) -> tuple[Side, Side]:
    """Return our tenant and their tenant."""
    ours, theirs = (_side(tenant, client_of) for tenant in (acme, globex))
    return ours, theirs


def _side(tenant: Any, client_of: Callable[..., Any]) -> Side:
    with tenant_context(tenant):
        shelf = Shelf.objects.create(name=f"CANARY {tenant.slug}")
        book = Book.objects.create(shelf=shelf, title=f"CANARY {tenant.slug}")
    return Side(tenant, shelf, book, client_of(tenant, "member"))


class Call:
    """A call of a route on its host, with valid ids and bodies of one tenant."""

    def __init__(self, route: Route, samples: Samples) -> None:
        self.route, self.ids = route, samples.ids(route)
        methods = [each for each in route.methods if each in WRITES or f"{each} {route}" in SAMPLES]
        self.bodies = {method: samples.body(route, method) for method in methods}

    def __call__(self, client: Any, method: str, **changes: Any) -> Answer:
        """Send the request, with other ``ids``, ``body`` or headers if given."""
        url = self.route.url(self.ids | changes.pop("ids", {})) + changes.pop("query", "")
        body = changes.pop("body", self.bodies.get(method))
        host = {"Host": "localhost"} if self.route.only_on_shared_host else {}
        return ask(client, method, url, body, **host | changes)


@dataclass
class World:
    """Two tenants with rows of all models, a suspended tenant, and users of every kind.

    ``clients`` speak to our tenant's host: a member of each role, ``both`` (a Viewer of ours and
    an Owner of theirs), ``nobody`` (a member of nothing) and ``staff`` (the platform's superuser),
    each with a good token and a session for our tenant. ``bob`` is an Owner of theirs and speaks
    to its host. ``twins``, ours and theirs, are rows with the same ids, where tenants have their
    own tables.
    """

    ours: Samples
    theirs: Samples
    twins: list[Twins]
    clients: dict[str, Any]
    bob: Any
    theirs_before: list[str]

    def try_out(
        self, who: str, call: Call, method: str, *, look: Any = None, **changes: Any
    ) -> Answer:
        """Call as a member of our tenant, and check that their data is not disclosed or changed."""

        def look_at_both() -> None:
            if method not in SAFE_METHODS:
                self.assert_theirs_untouched()
            if look:
                look()

        answer = call(self.clients[who], method, look=look_at_both, **changes)
        # Their Owner may see the name of their own tenant.
        known = [self.theirs.tenant.name] if who == "both" else []
        assert not answer.mentions_of(self.theirs, *known), f"{who}: {method} {call.route}"
        return answer

    def assert_theirs_untouched(self) -> None:
        """Check that all data except ours is the same as when the fixture was created."""
        assert fingerprint(self.theirs, self.ours) == self.theirs_before


@pytest.fixture(scope="module")
def shared_world(
    tenant_storage: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[World]:
    """Create the world once for all tests of a module."""
    files = tmp_path_factory.mktemp("files")
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=files):
        pool.release()
        with taken_back():
            yield _make_world()
        pool.release()


@pytest.fixture
def world(shared_world: World, db: None) -> Iterator[World]:
    """Return the world, and roll back the changes of the test."""
    with taken_back():
        yield shared_world


def _make_world() -> World:
    # With another role the tests would prove nothing.
    assert invariants()["the run-time role has no powers"]() == []
    ours, theirs = Samples(make_tenant("acme"), "A"), Samples(make_tenant("globex"), "B")
    assert ours.member != theirs.member
    for tenant in (ours.tenant, theirs.tenant):
        tenant.name = (ours if tenant is ours.tenant else theirs).text()
        tenant.save()
    make_member(make_tenant("initech", name=theirs.text(), status="suspended"), "owner")
    bob = make_member(theirs.tenant, "owner", theirs.email()).user
    clients = {role: _member(ours.tenant, role, f"{role}@acme.test") for role in Role.values}
    make_member(ours.tenant, "owner", ours.email())  # a second owner, so that an owner can leave
    make_member(theirs.tenant, "owner", "both@example.test")
    clients["both"] = _member(ours.tenant, "viewer", "both@example.test")
    clients["nobody"] = _bearer(ours.tenant, make_user(ours))
    clients["staff"] = _bearer(ours.tenant, make_user(ours, is_staff=True, is_superuser=True))
    for samples in (ours, theirs):
        samples.fill()
    twins = [] if IDS_ARE_UNIQUE_AMONG_TENANTS else [Twins(ours), Twins(theirs)]
    for samples in twins:
        samples.fill()
    visitor = _with_session(api_client(theirs.tenant, bob.email), theirs.tenant, bob)
    before = fingerprint(theirs, ours)
    return World(ours, theirs, twins, clients, visitor, before)


def _member(tenant: Any, role: str, email: str) -> Any:
    user = make_member(tenant, role, email).user
    return _with_session(api_client(tenant, email), tenant, user)


def _with_session(client: Any, tenant: Any, user: Any) -> Any:
    """Log the client in to the pages too."""
    with tenant_context(tenant):
        client.force_login(user)
    return client


def _bearer(tenant: Any, user: Any) -> Any:
    """Return a client with a token that a user got as a former member."""
    token = TenantRefreshToken.for_membership(Membership(user=user, tenant=tenant)).access_token
    client = api_client(tenant)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return _with_session(client, tenant, user)
