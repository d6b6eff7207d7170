"""How long a log-in lasts: by the tenant's setting as it is when the log-in is used."""

import time
from typing import Any

from django.contrib import auth
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from apps.memberships.models import Membership
from apps.tenants.models import Tenant
from apps.tenants.settings import SESSION_HOURS, TenantSettings

BEGUN = "begun_at"
"""In a session: when somebody logged in, in seconds since the epoch."""


def begin_session(request: HttpRequest, member: Membership) -> None:
    """Log a member in, for as long as the tenant's setting says now."""
    auth.login(request, member.user)
    request.session.set_expiry(seconds_of(member.tenant))


@receiver(user_logged_in)
def note_beginning(*, request: HttpRequest, **kwargs: Any) -> None:
    """Keep in the session when it began."""
    request.session[BEGUN] = int(time.time())


def has_session_ended(request: HttpRequest, tenant: Tenant) -> bool:
    """Tell whether the setting has become shorter than the session is old."""
    return time.time() - float(request.session.get(BEGUN, 0)) > seconds_of(tenant)


def seconds_of(tenant: Tenant) -> int:
    """Return for how long a log-in to a tenant is good."""
    return 3600 * TenantSettings(tenant).get(SESSION_HOURS)
