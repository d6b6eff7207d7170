"""Look-ups of the product."""

from django.conf import settings
from django.db.models import QuerySet, Sum

from apps.authentication.models import User
from apps.isolation import require_tenant
from apps.projects.models import Attachment


def has_room(size: int) -> bool:
    """Return whether the tenant may have so many bytes more of files (``TENANT_STORAGE_BYTES``)."""
    if not settings.TENANT_STORAGE_BYTES:
        return True
    used: int = Attachment.objects.aggregate(total=Sum("size", default=0))["total"]
    return used + size <= settings.TENANT_STORAGE_BYTES


def assignable_users() -> QuerySet[User]:
    """Return who may be given a task: the tenant's active members."""
    # every tenant: users are in many, and their memberships say in which.
    return User.objects.filter(
        is_active=True, memberships__is_active=True, memberships__tenant_id=require_tenant().id
    )
