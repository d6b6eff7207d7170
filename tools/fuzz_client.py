"""Requests that fuzz.py sends itself: all pages of lists, chunked bodies, too large bodies."""

from __future__ import annotations

import http.client
import json
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_PAGES = 5000
TRIES = 10
TOO_LARGE = 3 * 1024**2
WRITES = {"post", "put", "patch"}
# Halves of surrogate pairs, which JSON can represent and UTF-8 cannot.
HALVES = ("\ud800", "a\udfffb", "\udc00\ud800")
MEANT = b'{"full_name": "Sent in chunks"}'


@cache
def description() -> dict[str, Any]:
    """Return the project's OpenAPI document."""
    from drf_spectacular.generators import SchemaGenerator

    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


class Client:
    """Sends requests to the running project as a member, on the shared host."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.headers = {"Host": "localhost", "Authorization": f"Bearer {token}"}

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, in_chunks: bool = False
    ) -> tuple[int, Any]:
        """Return status and body of a response.

        A server that refuses a large body closes the connection, and its response may be lost. Then
        the request is repeated.
        """
        for _ in range(TRIES):
            with suppress(ConnectionError):
                return self._ask(method, path, body, in_chunks=in_chunks)
        return 0, f"no answer in {TRIES} tries"

    def _ask(
        self, method: str, path: str, body: bytes | None, *, in_chunks: bool
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.address, timeout=60)
        headers = self.headers | ({} if body is None else {"Content-Type": "application/json"})
        sent: Any = body
        if in_chunks and body is not None:
            headers["Transfer-Encoding"] = "chunked"
            sent = (body[at : at + 65536] for at in range(0, len(body), 65536))
        try:
            with suppress(ConnectionError):  # the server may refuse it early
                connection.request(method, path, sent, headers, encode_chunked=in_chunks)
            answer = connection.getresponse()
            text = answer.read()
            is_json = answer.headers.get_content_type() == "application/json"
            return answer.status, json.loads(text) if is_json and text else text
        finally:
            connection.close()

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield method, path and description of each route of the API without ids in its path."""
        for path, methods in description()["paths"].items():
            if path.startswith("/api/v1/") and "{" not in path:
                yield from ((method, path, described) for method, described in methods.items())


def page_through(client: Client) -> Iterator[str]:
    """Read every list to its end, in every order and with every filter; yield problems."""
    tried = 0
    for method, path, described in client.operations():
        names = {each["name"]: each for each in described.get("parameters", ())}
        if method != "get" or "cursor" not in names:
            continue
        for query in queries(path, names):
            tried += 1
            at_once, by_two = (ids(client, path, query | {"page_size": size}) for size in (200, 2))
            if at_once != by_two or len(set(at_once)) != len(at_once):
                yield f"{path} {query}: {len(at_once)} rows at once, {len(by_two)} by pages of two"
    print(f"{tried} lists paged to their end.", flush=True)
    if not tried:
        yield "no list was found"


def queries(path: str, names: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each declared order and filter of a list, and some combinations."""
    from django.urls import resolve

    fields = getattr(resolve(path).func.cls, "ordering_fields", ())  # type: ignore[attr-defined]
    orders = [f"{sign}{name}" for name in fields for sign in ("", "-")]
    filters = [
        {name: value}
        for name, each in names.items()
        for value in each["schema"].get("enum", ["o"] if name == "search" else [])
    ]
    yield {}
    yield from filters
    for order in [*orders, ",".join(orders[::3])] if orders else ():
        yield {"ordering": order}
        yield from (each | {"ordering": order} for each in filters)


def ids(client: Client, path: str, query: dict[str, Any]) -> list[str]:
    """Return the ids of a list's rows, page after page."""
    found, link = [], f"{path}?{urlencode(query)}"
    for _ in range(MOST_PAGES):
        status, body = client.ask("GET", link)
        if status != http.HTTPStatus.OK:
            return [f"{status} {body}"]
        found += [row["id"] for row in body["results"]]
        if body["next"] is None:
            return found
        parts = urlsplit(body["next"])
        link = f"{parts.path}?{parts.query}"
    return [*found, "has no end"]


def bodies_of_halves(described: dict[str, Any]) -> Iterator[bytes]:
    """Yield bodies with half a surrogate pair in each field, and in a field's name."""
    content = described["requestBody"]["content"].get("application/json", {}).get("schema", {})
    names = schema_of(content).get("properties", {})
    for half in HALVES:
        yield json.dumps(dict.fromkeys([*names, "tenant"], half)).encode()
        yield json.dumps({half: half}).encode()


def schema_of(content: dict[str, Any]) -> dict[str, Any]:
    """Return a schema, with a reference resolved."""
    if "$ref" not in content:
        return content
    schemas = description()["components"]["schemas"]
    found: dict[str, Any] = schemas[content["$ref"].rpartition("/")[2]]
    return found


def send_bodies(client: Client) -> Iterator[str]:
    """Send chunked, too large and unstorable bodies to each route; yield problems."""
    large = b'{"a": "' + b"x" * TOO_LARGE + b'"}'
    for method, path, described in client.operations():
        if method not in WRITES or "requestBody" not in described:
            continue
        for body in (b"[]", large, *bodies_of_halves(described)):
            answers = [
                client.ask(method.upper(), path, body, in_chunks=in_chunks)
                for in_chunks in (False, True)
            ]
            if answers[0] != answers[1]:
                yield f"{method} {path}: {answers[0]}, but in chunks {answers[1]}"
            if answers[0][0] >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
                yield f"{method} {path}: {answers[0]} for {body[:200]!r}"
            if body is large and answers[0][0] != http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                yield f"{method} {path}: {answers[0]} for {TOO_LARGE} bytes"
    status, body = client.ask("PATCH", "/api/v1/me/", MEANT, in_chunks=True)
    if status != http.HTTPStatus.OK or body["user"]["full_name"] != "Sent in chunks":
        yield f"a PATCH in chunks changes nothing: {status} {body}"
