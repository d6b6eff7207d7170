"""The OpenAPI schema is correct and complete."""

import json
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver


@pytest.fixture(scope="module")
def schema() -> Any:
    """Return the valid schema, generated without warnings."""
    output = StringIO()
    options = {"validate": True, "fail_on_warn": True, "format": "openapi-json"}
    call_command("spectacular", stdout=output, **options)
    return json.loads(output.getvalue())


def _routes(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, str]]:
    """Yield the paths of the API with the modules of their views."""
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern).lstrip("^").rstrip("$")
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern, path)
        elif isinstance(pattern, URLPattern) and path.startswith("/api/v1/"):
            path = re.sub(r"\(\?P<pk>\[\^/\.\]\+\)", "{id}", path)
            yield re.sub(r"<uuid:(\w+)>", r"{\1}", path), pattern.callback.__module__


def test_schema_lists_every_route(schema: Any) -> None:
    assert schema["openapi"].startswith("3.1")
    api = dict(_routes(get_resolver()))
    assert api.keys() < schema["paths"].keys()
    product = tuple(f"{app}." for app in settings.TENANT_APPS)
    of_product = {path for path, module in api.items() if module.startswith(product)}
    assert schema["paths"].keys() - of_product == {
        "/api/schema/",
        "/api/v1/auth/email/resend/",
        "/api/v1/auth/email/verify/",
        "/api/v1/auth/logout/",
        "/api/v1/auth/password/change/",
        "/api/v1/auth/password/reset/",
        "/api/v1/auth/password/reset/confirm/",
        "/api/v1/auth/signup/",
        "/api/v1/auth/switch/",
        "/api/v1/auth/token/",
        "/api/v1/auth/token/refresh/",
        "/api/v1/auth/token/verify/",
        "/api/v1/audit-events/",
        "/api/v1/invitations/",
        "/api/v1/invitations/accept/",
        "/api/v1/invitations/{id}/",
        "/api/v1/invitations/{id}/resend/",
        "/api/v1/me/",
        "/api/v1/me/photo/",
        "/api/v1/profiles/{user_id}/photo/",
        "/api/v1/members/",
        "/api/v1/members/leave/",
        "/api/v1/members/{id}/",
        "/api/v1/exports/",
        "/api/v1/exports/{id}/",
        "/api/v1/exports/{id}/content/",
        "/api/v1/privacy-requests/",
        "/api/v1/privacy-requests/{id}/",
        "/api/v1/privacy-requests/{id}/content/",
        "/api/v1/tenant/",
        "/api/v1/tenant/archive/",
        "/api/v1/tenant/transfer-ownership/",
    }


def test_schema_describes_filters_bodies_and_authentication(schema: Any) -> None:
    books = schema["paths"]["/api/v1/sample/books/"]
    names = {parameter["name"] for parameter in books["get"]["parameters"]}
    assert names == {"cursor", "ordering", "page_size", "reader", "search", "shelf", "status"}
    shelves = schema["paths"]["/api/v1/sample/shelves/"]["get"]["parameters"]
    assert {"ordering", "search", "status"} <= {parameter["name"] for parameter in shelves}
    assert books["post"]["security"] == [{"jwtAuth": []}]
    token = schema["components"]["schemas"]["TokenPair"]["properties"]
    assert set(token) == {"email", "password", "code", "tenant", "access", "refresh"}
    assert token["password"]["writeOnly"] is True
    assert token["access"]["readOnly"] is True


def test_it_describes_files(schema: Any) -> None:
    files = schema["paths"]["/api/v1/sample/books/{id}/scans/"]
    assert {parameter["name"] for parameter in files["get"]["parameters"]} == {
        "cursor",
        "id",
        "page_size",
    }
    assert set(files["post"]["requestBody"]["content"]) == {"multipart/form-data"}
    body = schema["components"]["schemas"]["SampleScan"]["properties"]
    assert body["file"] == {"type": "string", "format": "binary", "writeOnly": True}
    assert {name for name, field in body.items() if not field.get("readOnly")} == {"file"}
    content = schema["paths"]["/api/v1/sample/scans/{id}/content/"]["get"]["responses"]["200"]
    assert content["content"] == {"*/*": {"schema": {"type": "string", "format": "binary"}}}


@pytest.mark.parametrize("host", ["localhost", "acme.localhost"])
@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_schema_and_docs_are_public(path: str, host: str, acme: object) -> None:
    response = Client(headers={"Host": host}).get(path)
    assert response.status_code == 200
    assert b"/api/schema/" in response.content or b"/api/v1/me/" in response.content


def test_docs_page_loads_no_external_files() -> None:
    page = Client(headers={"Host": "localhost"}).get("/api/docs/").content.decode()
    assert "https://" not in page.replace("https://github.com/swagger-api", "")


def test_operations_describe_their_errors(schema: Any) -> None:
    operations = [each for path in schema["paths"].values() for each in path.values()]
    assert not [each for each in operations if not {"400", "401", "404"} <= set(each["responses"])]
