"""The audit log in the admin, read-only for the platform's staff."""

from django.contrib import admin

from apps.audit.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin[AuditEvent]):
    """Events. The database refuses changes, so the admin offers none."""

    list_display = ["time", "action", "tenant_id", "actor_id", "object_type", "object_id"]
    list_filter = ["action"]
    search_fields = ["=tenant_id", "=actor_id", "=object_id", "=request_id"]
    ordering = ["-id"]

    def has_add_permission(self, request: object) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: object, obj: AuditEvent | None = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: object, obj: AuditEvent | None = None) -> bool:
        """Refuse."""
        return False
