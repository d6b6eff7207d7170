"""The platform's administration of tenants. What belongs to a tenant is not in it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.audit.trail import Action, record
from apps.tenants.models import Domain, Membership, Status, Tenant


class RecordingAdmin[M: Tenant | Membership](admin.ModelAdmin[M]):
    """Writes down what staff saves, in the transaction in which it is saved."""

    action: Action

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        """Save, and record the fields that differ."""
        super().save_model(request, obj, form, change)
        staff: Any = request.user
        stored = {field.name: str(field.value_from_object(obj)) for field in obj._meta.fields}
        record(
            self.action,
            obj,
            tenant=obj.pk if isinstance(obj, Tenant) else obj.tenant_id,
            actor=staff,
            before={name: str(form.initial.get(name, "")) for name in form.changed_data},
            after={name: stored[name] for name in form.changed_data},
        )


class DomainInline(admin.TabularInline[Domain, Tenant]):
    """A tenant's domains."""

    model = Domain
    extra = 0


@admin.register(Tenant)
class TenantAdmin(RecordingAdmin[Tenant]):
    """Tenants. They are made by ``create_tenant``, which makes their storage too."""

    action = Action.TENANT_SAVED_BY_STAFF
    list_display = ["name", "slug", "status", "created_at"]
    list_filter = ["status"]
    search_fields = ["name", "slug"]
    fields = ["name", "slug", "status", "settings", "created_at", "updated_at"]
    readonly_fields = ["slug", "created_at", "updated_at"]
    inlines = [DomainInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        """Leave the end of the preparation to ``create_tenant``, which knows of the storage."""
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "status"] if obj and obj.status == Status.PREPARING else fields

    def formfield_for_choice_field(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Offer every status but the one that only ``create_tenant`` sets."""
        if db_field.name == "status":
            kwargs["choices"] = [each for each in Status.choices if each[0] != Status.PREPARING]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def has_add_permission(self, request: object) -> bool:
        """Refuse: a row alone would be a tenant without storage."""
        return False

    def has_delete_permission(self, request: object, obj: Tenant | None = None) -> bool:
        """Refuse: deleting the row would orphan the storage."""
        return False


@admin.register(Membership)
class MembershipAdmin(RecordingAdmin[Membership]):
    """Who belongs to which tenant. Deactivated, never deleted."""

    action = Action.MEMBER_SAVED_BY_STAFF
    list_display = ["user", "tenant", "role", "is_active", "joined_at"]
    list_filter = ["role", "is_active"]
    search_fields = ["user__email", "tenant__name", "tenant__slug"]
    list_select_related = ["user", "tenant"]
    autocomplete_fields = ["user", "tenant", "invited_by"]

    def has_delete_permission(self, request: object, obj: Membership | None = None) -> bool:
        """Refuse: who belonged to a tenant stays known."""
        return False
