"""Errors: a sentence for people, a code for programs, and nothing of the inside."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.isolation.testing import api_client

PROJECTS = "/api/v1/projects/"


ERRORS: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "not_found": (
        404,
        lambda client: client.get(f"{PROJECTS}01900000-0000-7000-8000-000000000000/"),
    ),
    "method_not_allowed": (405, lambda client: client.delete(PROJECTS)),
    "not_acceptable": (406, lambda client: client.get(PROJECTS, headers={"Accept": "text/html"})),
    "parse_error": (
        400,
        lambda client: client.post(PROJECTS, "{", content_type="application/json"),
    ),
    "unsupported_media_type": (
        415,
        lambda client: client.post(PROJECTS, "name=x", content_type="text/plain"),
    ),
}


@pytest.mark.parametrize("code", ERRORS)
def test_detail_and_code(code: str, acme: Any, client_of: Callable[..., Any]) -> None:
    status, ask = ERRORS[code]
    response = ask(client_of(acme, "member"))
    assert response.status_code == status
    assert set(response.json()) == {"detail", "code"}
    assert response.json()["code"] == code


def test_no_token_and_too_little_role(acme: Any, client_of: Callable[..., Any]) -> None:
    anonymous = api_client(acme).get(PROJECTS)
    assert anonymous.json() == {
        "detail": "Authentication credentials were not provided.",
        "code": "not_authenticated",
    }
    assert client_of(acme, "viewer").post(PROJECTS, {"name": "x"}).json() == {
        "detail": "You do not have permission to perform this action.",
        "code": "permission_denied",
    }


def test_field_errors_name_the_field(acme: Any, client_of: Callable[..., Any]) -> None:
    response = client_of(acme, "member").post(PROJECTS, {})
    assert response.json() == {"name": ["This field is required."]}
