"""Queries of the product."""

from django.conf import settings
from django.db.models import QuerySet, Sum

from apps.authentication.models import User
from apps.isolation import require_tenant
from apps.projects.models import Attachment


def has_room(size: int) -> bool:
    """Return whether the tenant may store this many more bytes (``TENANT_STORAGE_BYTES``)."""
    if not settings.TENANT_STORAGE_BYTES:
        return True
    used: int = Attachment.objects.aggregate(total=Sum("size", default=0))["total"]
    return used + size <= settings.TENANT_STORAGE_BYTES


def assignable_users() -> QuerySet[User]:
    """Return the users to whom a task may be assigned: the tenant's active members."""
    # every tenant: users belong to many, as their memberships state.
    return User.objects.filter(
        is_active=True, memberships__is_active=True, memberships__tenant_id=require_tenant().id
    )
