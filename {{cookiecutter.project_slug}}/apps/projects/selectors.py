"""Look-ups of the product."""

from django.db.models import QuerySet

from apps.authentication.models import User
from apps.isolation import require_tenant


def assignable_users() -> QuerySet[User]:
    """Return who may be given a task: the tenant's active members."""
    # every tenant: users are in many, and their memberships say in which.
    return User.objects.filter(
        is_active=True, memberships__is_active=True, memberships__tenant_id=require_tenant().id
    )
