"""The audit log."""

from typing import ClassVar, Self

from django.db import models

from apps.isolation.fields import new_id
from apps.isolation.managers import PerTenantManager, PlatformManager
from apps.isolation.postgresql.constraints import AppendOnly


class AuditEvent(models.Model):
    """An action of a user. It is written once, and outlives its tenant and user.

    Both are therefore plain ids. Events contain no names, addresses or secrets.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    time = models.DateTimeField(auto_now_add=True)
    tenant_id = models.UUIDField(null=True, help_text="Null for an event of the platform.")
    actor_id = models.UUIDField(null=True, help_text="The user; null for the platform.")
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True, max_length=1000)
    changes = models.JSONField(
        default=dict, help_text="Values before and after the change, by field."
    )

    objects: ClassVar[PerTenantManager[Self]] = PerTenantManager()
    platform = PlatformManager()

    class Meta:
        default_manager_name = "platform"
        base_manager_name = "platform"
        constraints = [AppendOnly(name="audit_event_is_append_only")]
        # Newest first: ids are ordered by time.
        indexes = [models.Index(fields=["tenant_id", "-id"], name="audit_event_by_tenant")]

    def __str__(self) -> str:
        return f"{self.time:%Y-%m-%d %H:%M:%S} {self.action}"
