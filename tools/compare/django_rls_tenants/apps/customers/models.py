"""Tenants and their users, as in the tutorial of django-rls-tenants."""

from operator import attrgetter

from apps.authentication.models import User
from django.db import models


class Tenant(models.Model):
    """A tenant."""

    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


# Attributes that the library requires of a user. The user model is the same in all projects.
ASKED_FOR = {
    "tenant": models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True),
    "rls_tenant_id": property(attrgetter("tenant_id")),
    "is_tenant_admin": False,
}
for each, value in ASKED_FOR.items():
    User.add_to_class(each, value)
