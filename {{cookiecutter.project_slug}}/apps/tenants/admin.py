"""The platform's administration of tenants. What belongs to a tenant is not in it."""

from django.contrib import admin

from apps.tenants.models import Domain, Membership, Tenant


class DomainInline(admin.TabularInline[Domain, Tenant]):
    """A tenant's domains."""

    model = Domain
    extra = 0


@admin.register(Tenant)
class TenantAdmin(admin.ModelAdmin[Tenant]):
    """Tenants. They are made by ``create_tenant``, which makes their storage too."""

    list_display = ["name", "slug", "status", "created_at"]
    list_filter = ["status"]
    search_fields = ["name", "slug"]
    fields = ["name", "slug", "status", "settings", "created_at", "updated_at"]
    readonly_fields = ["slug", "created_at", "updated_at"]
    inlines = [DomainInline]

    def has_add_permission(self, request: object) -> bool:
        """Refuse: a row alone would be a tenant without storage."""
        return False

    def has_delete_permission(self, request: object, obj: Tenant | None = None) -> bool:
        """Refuse: deleting the row would orphan the storage."""
        return False


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin[Membership]):
    """Who belongs to which tenant."""

    list_display = ["user", "tenant", "role", "is_active", "joined_at"]
    list_filter = ["role", "is_active"]
    search_fields = ["user__email", "tenant__name", "tenant__slug"]
    list_select_related = ["user", "tenant"]
    autocomplete_fields = ["user", "tenant", "invited_by"]
