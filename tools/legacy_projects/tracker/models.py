"""An old project with django-multitenant, whose tables have a column for the account."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django_multitenant.fields import TenantForeignKey
from django_multitenant.mixins import TenantManagerMixin, TenantModelMixin


class TenantManager(TenantManagerMixin, models.Manager):
    """Limits queries to the current account."""


class OfAccount(TenantModelMixin, models.Model):
    account = models.ForeignKey("tracker.Account", models.CASCADE)

    objects = TenantManager()

    class Meta:
        abstract = True
        unique_together = [("id", "account")]  # to which TenantForeignKey refers

    class TenantMeta:
        tenant_field_name = "account_id"


class Account(TenantModelMixin, models.Model):
    name = models.CharField(max_length=100)
    subdomain = models.SlugField(unique=True)

    class TenantMeta:
        tenant_field_name = "id"


class Employee(OfAccount):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE)
    is_manager = models.BooleanField(default=False)


class Project(OfAccount):
    name = models.CharField(max_length=100)
    created = models.DateTimeField(auto_now_add=True)


class Task(OfAccount):
    project = TenantForeignKey(Project, on_delete=models.CASCADE)
    name = models.CharField(max_length=200)
    employee = TenantForeignKey(Employee, on_delete=models.SET_NULL, null=True)
    created = models.DateTimeField(auto_now_add=True)
