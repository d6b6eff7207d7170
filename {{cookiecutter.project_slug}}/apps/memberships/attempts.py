"""Attempts at passwords and codes: limits (``ACCOUNT_RATE_LIMITS``), and audit events.

Every check of a password is in a block of `counted` or `password_attempt`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from uuid import UUID

from allauth.core.internal.ratelimit import RateLimitUsage, consume, get_ip
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed, Throttled

from apps.audit.services import Action, record
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.models import Membership
from apps.tenants.resolver import NONEXISTENT_ID

WAIT = 60
"""Seconds until a retry: the period of most limits."""

KNOWN_SECONDS = 90 * 24 * 3600
"""Time for which the source of a successful log-in is remembered."""


def throttle(
    request: HttpRequest, action: str, *, key: str = "", user: AbstractBaseUser | None = None
) -> None:
    """Count an attempt at ``action`` by address and key or user; raise `Throttled` at the limit."""
    if not within_rate(request, action, key=key, user=user):
        raise Throttled(WAIT)


def within_rate(
    request: HttpRequest, action: str, *, key: str = "", user: AbstractBaseUser | None = None
) -> bool:
    """Count an ``action`` by address and by key or user; return whether it is allowed."""
    return _consume(request, action, key=key, user=user) is not None


@contextmanager
def password_attempt(
    request: HttpRequest, email: str, password: str, tenant: UUID = NONEXISTENT_ID
) -> Iterator[Any]:
    """Yield the user with these credentials, or None, and count the block as `counted` does."""
    email = _normalised(email)
    with counted(request, email, tenant):
        user = authenticate(request, email=email, password=password)
        yield user
    if user is not None:
        remember_source(request, email)


@contextmanager
def own_password_attempt(
    request: HttpRequest, user: AbstractBaseUser, tenant: UUID | None
) -> Iterator[None]:
    """Count each attempt of a user at their own password, and record failures."""
    throttle(request, "change_password", user=user)
    try:
        yield
    except ValidationError:
        _record(request, user, tenant or NONEXISTENT_ID, reason="own password")
        raise


@contextmanager
def counted(request: HttpRequest, email: str, tenant: UUID = NONEXISTENT_ID) -> Iterator[None]:
    """Count the block as a failed log-in if it raises; raise `Throttled` at the limit.

    Failures are limited for each source; for each e-mail address from one source, in one tenant and
    in all tenants; and for each e-mail address from all sources. The last limit excludes sources
    from which the user has logged in before, so strangers cannot lock a user out.
    """
    email = _normalised(email)
    place = f"{get_ip(request)}|{email}"
    limits = {"login": f"{tenant}|{place}", "login_everywhere": place}
    if not _is_known(place):
        limits["login_by_strangers"] = email
    used = [_consume(request, action, key=key) for action, key in limits.items()]
    if None in used:
        _give_back(used)
        raise Throttled(WAIT)
    try:
        yield
    except (AuthenticationFailed, ValidationError):
        record_failure(request, email, tenant)
        raise
    except BaseException:
        _give_back(used)
        raise
    _give_back(used)


def remember_source(request: HttpRequest, email: str) -> None:
    """Remember the source from which a user has proved to own an address."""
    key = _known_key(f"{get_ip(request)}|{_normalised(email)}")
    caches["counters"].set(key, True, KNOWN_SECONDS)


def record_failure(request: HttpRequest, email: str, tenant: UUID = NONEXISTENT_ID) -> None:
    """Record a failed log-in, in the tenant's audit log if the tenant exists.

    The event names the user only if they are a member: the tenant's Admins read the log, and would
    otherwise learn which addresses have accounts. Each case takes the same work.
    """
    member = Membership.objects.find(email, tenant).first()
    _record(request, member and member.user, tenant)


def _record(request: HttpRequest, user: Model | None, tenant: UUID, reason: str = "") -> None:
    if not within_rate(request, "failed_login", key=str(tenant)):
        return
    of = None if tenant == NONEXISTENT_ID else tenant
    with transaction.atomic(using=SHARED_DB):
        record(Action.LOG_IN_FAILED, user, tenant=of, actor=None, reason=reason)


def _normalised(email: str) -> str:
    return get_user_model().objects.normalize_email(email)


def _is_known(place: str) -> bool:
    return caches["counters"].get(_known_key(place)) is not None


def _known_key(place: str) -> str:
    return f"source:{sha256(place.encode()).hexdigest()}"


def _consume(
    request: HttpRequest, action: str, *, key: str = "", user: AbstractBaseUser | None = None
) -> RateLimitUsage | None:
    with _counting_apart_from_tenants():
        return consume(request, app="allauth.account", action=action, key=key, user=user)


def _give_back(used: list[RateLimitUsage | None]) -> None:
    with _counting_apart_from_tenants():
        for usage in filter(None, used):
            usage.rollback()


@contextmanager
def _counting_apart_from_tenants() -> Iterator[None]:
    """Make allauth, which uses the default cache, count in a cache that belongs to no tenant.

    The default cache is bound to the tenant, so counters would start at zero on every host.
    ``caches`` has a cache for each thread, so other requests are not affected.
    """
    of_tenant, caches["default"] = caches["default"], caches["counters"]
    try:
        yield
    finally:
        caches["default"] = of_tenant
