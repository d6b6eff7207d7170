"""Profiles of a tenant's members."""

from pathlib import PurePosixPath
from uuid import uuid4

from django.db import models

from apps.isolation.fields import UserForeignKey
from apps.isolation.models import TenantModel, tenant_unique


def new_place(profile: "Profile | None" = None, name: str = "") -> str:
    """Return an unused path. A new photo never overwrites the earlier one before COMMIT."""
    return f"photos/{uuid4().hex}"


class Profile(TenantModel):
    """The data of one user in one tenant, such as their title there.

    It is the tenant's own data: other tenants of the user do not see it. A former member's profile
    remains until the user is erased.
    """

    user = UserForeignKey(personal=True, editable=False, db_index=False)
    display_name = models.CharField(max_length=255, blank=True)
    title = models.CharField(max_length=100, blank=True)
    photo = models.FileField(upload_to=new_place, blank=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [tenant_unique("user", name="profile_once_per_user")]

    def __str__(self) -> str:
        return self.display_name

    @property
    def photo_version(self) -> str:
        """Return a text that changes with the photo; it is empty without one."""
        return PurePosixPath(self.photo.name or "").name
