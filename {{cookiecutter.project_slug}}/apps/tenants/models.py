"""Tenants, and their host names."""

from typing import ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Lower

from apps.isolation.fields import new_id
from apps.isolation.managers import PerTenantManager, PlatformManager
from apps.isolation.models import DomainBase, TenantBase
from apps.tenants.hosts import checked
from apps.tenants.managers import LockingManager
from apps.tenants.settings import one_line, validate_settings
from apps.tenants.slugs import Skeleton, validate_slug

TAKEN = "This name is taken."


class Status(models.TextChoices):
    """State of a tenant."""

    PREPARING = "preparing"
    IMPORTING = "importing"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    MOVING = "moving"
    MOVED = "moved"
    ARCHIVED = "archived"
    PURGING = "purging"


INCOMPLETE = [Status.PREPARING, Status.IMPORTING, Status.PURGING]
"""Statuses of tenants whose data is being made or deleted. They are served to nobody."""

SERVED = [Status.ACTIVE, Status.MOVING]
"""Statuses of tenants that are served. A tenant that moves is only read."""


class Tenant(TenantBase):
    """A customer: an organisation with its own data."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=255, validators=[one_line])
    slug = models.CharField(
        max_length=63,
        unique=True,
        validators=[validate_slug],
        error_messages={"unique": TAKEN},
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.PREPARING)
    settings = models.JSONField(default=dict, blank=True)
    founder_id = models.UUIDField(
        null=True, editable=False, help_text="Who signed up; null for a tenant of the platform's."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, editable=False)
    purge_after = models.DateTimeField(
        null=True, editable=False, help_text="When an archived tenant may be purged."
    )
    hold_reason = models.CharField(
        max_length=255,
        blank=True,
        editable=False,
        help_text="Why nothing of the tenant may be deleted, as during a lawsuit.",
    )

    objects: ClassVar[LockingManager[Self]] = LockingManager()

    class Meta:
        ordering = ["name"]
        constraints = [
            CheckConstraint(condition=Q(status__in=Status.values), name="tenant_status_is_known"),
            CheckConstraint(condition=Q(slug=Lower("slug")), name="tenant_slug_is_lower_case"),
            UniqueConstraint(
                Skeleton("slug"),
                name="tenant_slug_looks_like_no_other",
                violation_error_message="This name is too similar to one that is taken.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Validate the settings here, since Django runs no field validators on empty values."""
        try:
            validate_settings(self.settings)
        except ValidationError as error:
            raise ValidationError({"settings": error.messages}) from error

    @property
    def is_usable(self) -> bool:
        """True if work may be done for this tenant now."""
        return self.status == Status.ACTIVE

    def primary_domain(self) -> str:
        """Return the tenant's primary host name."""
        names = Domain.objects.for_tenant(self).order_by("-is_primary", "pk")
        return str(names.values_list("domain", flat=True)[:1].get())

    def url(self, path: str) -> str:
        """Return a page's address for mails, from stored values and never from a Host header."""
        return f"{settings.TENANT_URL.format(domain=self.primary_domain())}{path}"


class PendingTenant(models.Model):
    """Storage provisioned for a future tenant, which gets its id."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    is_ready = models.BooleanField(default=False)

    def __str__(self) -> str:
        return str(self.pk)


class Purge(models.Model):
    """The deletion of a tenant. The row outlives the tenant, and has its id, but no name."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(db_index=True)
    actor_id = models.UUIDField(null=True, help_text="The user; null for the platform.")
    reason = models.CharField(max_length=255, blank=True)
    begun_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    found = models.JSONField(help_text="What the tenant had before, by kind.")
    certificate = models.TextField(
        blank=True, max_length=100_000, help_text="Signed; empty until the end."
    )

    objects: ClassVar[PerTenantManager[Self]] = PerTenantManager()
    platform = PlatformManager()

    class Meta:
        default_manager_name = "platform"
        base_manager_name = "platform"
        ordering = ["-begun_at"]

    def __str__(self) -> str:
        return str(self.tenant_id)


class Domain(DomainBase):
    """A host name of a tenant."""

    domain = models.CharField(max_length=253, unique=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="domains")
    is_primary = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[PerTenantManager[Self]] = PerTenantManager()
    platform = PlatformManager()

    class Meta:
        default_manager_name = "platform"
        base_manager_name = "platform"
        constraints = [
            UniqueConstraint(
                fields=["tenant"],
                condition=Q(is_primary=True),
                name="domain_one_primary_per_tenant",
            ),
            CheckConstraint(condition=Q(domain=Lower("domain")), name="domain_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.domain

    def clean(self) -> None:
        """Normalise the domain as requests' hosts are, and validate it."""
        try:
            self.domain = checked(self.domain)
        except ValidationError as error:
            raise ValidationError({"domain": error.messages}) from error
