"""The platform's admin of memberships."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.memberships.services import add_member, remove_member
from apps.tenants.admin import ServiceAdmin, staff


@admin.register(Membership)
class MembershipAdmin(ServiceAdmin[Membership]):
    """Memberships, which are deactivated and never deleted."""

    list_display = ["user", "tenant", "role", "is_active", "joined_at"]
    list_filter = ["role", "is_active", "tenant"]
    search_fields = ["user__email", "tenant__name", "tenant__slug"]
    list_select_related = ["user", "tenant"]
    autocomplete_fields = ["user", "tenant"]

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        """Show the fields of a new membership."""
        more = ["is_active", "joined_at", "invited_by"] if obj else []
        return ["user", "tenant", "role", *more]

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> list[str]:
        """Make user and tenant read-only."""
        return ["user", "tenant", "joined_at", "invited_by"] if obj else []

    def save_model(self, request: HttpRequest, obj: Membership, form: object, change: bool) -> None:
        """Change the role, or remove the member."""
        if obj.is_active:
            obj.pk = add_member(obj.tenant, obj.user, Role(obj.role), actor=staff(request)).pk
        else:
            remove_member(obj, actor=staff(request))
