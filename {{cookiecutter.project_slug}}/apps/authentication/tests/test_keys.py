"""Keys that sign tokens, and their rotation while users are logged in."""

from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from rest_framework.test import APIClient

from apps.authentication.tokens import key_id, key_ring
from apps.isolation.testing import make_member
from apps.tenants.models import Tenant

AUTH = "/api/v1/auth/token/"
PASSWORD = "correct horse battery staple"
OLD, NEW = "old-" * 12, "new-" * 12


@pytest.fixture
def keys(settings: Any) -> Iterator[Callable[..., None]]:
    """Return a function that restarts the server with other keys."""

    def use(signing: str, *verification: str) -> None:
        settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "SIGNING_KEY": signing}
        settings.JWT_VERIFICATION_KEYS = list(verification)
        key_ring.cache_clear()

    yield use
    key_ring.cache_clear()


@pytest.fixture(autouse=True)
def member(acme: Tenant) -> None:
    make_member(acme, "member")


def _log_in() -> dict[str, str]:
    body = {"email": "member@acme.test", "password": PASSWORD}
    pair: dict[str, str] = APIClient(headers={"Host": "acme.localhost"}).post(AUTH, body).json()
    return pair


def _works(pair: dict[str, str]) -> bool:
    headers = {"Host": "acme.localhost", "Authorization": f"Bearer {pair['access']}"}
    return APIClient(headers=headers).get("/api/v1/me/").status_code == 200


def _refresh(pair: dict[str, str]) -> Any:
    client = APIClient(headers={"Host": "acme.localhost"})
    return client.post(f"{AUTH}refresh/", {"refresh": pair["refresh"]})


def test_key_rotation_keeps_log_ins(keys: Callable[..., None]) -> None:
    keys(OLD)
    before = _log_in()
    keys(OLD, NEW)  # every server knows the new key before the first one signs with it
    during = _log_in()
    keys(NEW, OLD)
    assert _works(before)
    assert _works(during)
    rotated = _refresh(before).json()
    assert jwt.get_unverified_header(rotated["access"])["kid"] == key_id(NEW)
    keys(NEW)
    assert _works(rotated)
    assert not _works(during)
    assert _refresh(during).status_code == 401


def test_old_server_accepts_the_new_key(
    keys: Callable[..., None],
) -> None:
    keys(NEW, OLD)
    pair = _log_in()
    keys(OLD, NEW)
    assert _works(pair)
    assert _refresh(pair).status_code == 200


def test_secret_key_rotation_keeps_log_ins(settings: Any) -> None:
    """The key signs the password stamp in tokens."""
    pair = _log_in()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [settings.SECRET_KEY]
    assert _works(pair)
    settings.SECRET_KEY_FALLBACKS = []
    assert not _works(pair)


@pytest.mark.parametrize("header", [{}, {"kid": key_id(NEW)}, {"kid": "x"}, {"kid": ""}])
def test_token_with_a_wrong_key_id_is_refused(
    header: dict[str, Any], keys: Callable[..., None]
) -> None:
    keys(OLD, NEW)
    claims = jwt.decode(_log_in()["access"], options={"verify_signature": False})
    assert _works({"access": jwt.encode(claims, OLD, headers={"kid": key_id(OLD)})})
    assert not _works({"access": jwt.encode(claims, OLD, headers=header)})


def test_key_id_does_not_contain_the_key(keys: Callable[..., None]) -> None:
    keys(OLD)
    header = jwt.get_unverified_header(_log_in()["access"])
    assert set(header) == {"alg", "typ", "kid"}
    assert header["kid"] not in OLD
