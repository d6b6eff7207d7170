"""Duration of log-ins: the tenant's setting at the time of use."""

import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
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
def note_beginning(*, request: HttpRequest, **kwargs: object) -> None:
    """Store the begin of a session."""
    request.session[BEGUN] = int(time.time())


def has_session_ended(request: HttpRequest, member: Membership) -> bool:
    """Return whether the session is older than the membership, or than the setting allows."""
    begun = float(request.session.get(BEGUN, 0))
    too_old = time.time() - begun > seconds_of(member.tenant)
    return too_old or begun_before_joining(member, datetime.fromtimestamp(begun, UTC))


def begun_before_joining(member: Membership, begun: datetime) -> bool:
    """Return whether a log-in is older than the user's latest joining of the tenant.

    A user who was removed and is invited again logs in again. Log-ins store whole seconds, and the
    clocks of two servers may differ by the leeway of tokens.
    """
    tolerance = timedelta(seconds=1 + settings.SIMPLE_JWT["LEEWAY"])
    return begun + tolerance < member.joined_at


def seconds_of(tenant: Tenant) -> int:
    """Return the duration of a log-in to a tenant."""
    return 3600 * TenantSettings(tenant).get(SESSION_HOURS)
