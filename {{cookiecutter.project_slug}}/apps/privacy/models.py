"""Requests about one user's data in one tenant."""

from datetime import date, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils import timezone

from apps.isolation.fields import new_id
from apps.isolation.managers import PerTenantManager, PlatformManager


class RequestKind(models.TextChoices):
    """The kind of request."""

    EXPORT = "export"
    ERASE = "erase"


class RequestStatus(models.TextChoices):
    """State of a request. All but "done" are open, including failed ones."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


def default_due_on() -> date:
    """Return the due date of a request made today."""
    return timezone.now().date() + timedelta(days=settings.PRIVACY_DUE_DAYS)


def place_of(request: "PrivacyRequest", name: str = "") -> str:
    """Return the path of an export among the tenant's files."""
    return f"privacy/{request.pk}.zip"


class PrivacyRequest(models.Model):
    """A request for an export or an erasure of a user's data, and the proof of its completion.

    It outlives its tenant and users, which are therefore plain ids.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField()
    user_id = models.UUIDField(help_text="Data subject.")
    requested_by_id = models.UUIDField(null=True, help_text="Null for the platform itself.")
    kind = models.CharField(max_length=6, choices=RequestKind)
    status = models.CharField(
        max_length=7, choices=RequestStatus, default=RequestStatus.PENDING, editable=False
    )
    due_on = models.DateField(default=default_due_on, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, editable=False)
    content = models.FileField(upload_to=place_of, editable=False)

    objects: ClassVar[PerTenantManager[Self]] = PerTenantManager()
    platform = PlatformManager()

    class Meta:
        default_manager_name = "platform"
        base_manager_name = "platform"
        constraints = [
            CheckConstraint(
                condition=Q(kind__in=RequestKind.values), name="privacy_request_kind_is_known"
            ),
            CheckConstraint(
                condition=Q(status__in=RequestStatus.values), name="privacy_request_status_is_known"
            ),
            CheckConstraint(
                condition=Q(status=RequestStatus.DONE, completed_at__isnull=False)
                | (~Q(status=RequestStatus.DONE) & Q(completed_at=None)),
                name="privacy_request_completed_if_done",
            ),
        ]
        # Newest first: ids are ordered by time.
        indexes = [models.Index(fields=["tenant_id", "-id"], name="privacy_request_by_tenant")]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d} {self.kind}: {self.status}"
