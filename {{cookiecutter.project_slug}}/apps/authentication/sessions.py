"""Duration of log-ins: the tenant's setting at the time of use."""

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
"""Session key: the time of the log-in, in seconds since the epoch."""


def begin_session(request: HttpRequest, member: Membership) -> None:
    """Log a member in, for the duration that the tenant sets now."""
    auth.login(request, member.user)
    request.session.set_expiry(seconds_of(member.tenant))


@receiver(user_logged_in)
def note_beginning(*, request: HttpRequest, **kwargs: Any) -> None:
    """Store the begin of a session."""
    request.session[BEGUN] = int(time.time())


def has_session_ended(request: HttpRequest, tenant: Tenant) -> bool:
    """Return whether the session is older than the current setting allows."""
    return time.time() - float(request.session.get(BEGUN, 0)) > seconds_of(tenant)


def seconds_of(tenant: Tenant) -> int:
    """Return the duration of a log-in to a tenant."""
    return 3600 * TenantSettings(tenant).get(SESSION_HOURS)
