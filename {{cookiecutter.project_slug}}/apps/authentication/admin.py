"""The platform's administration of users."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm

from apps.authentication.models import User

ACCESS = ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]
NEW = ["email", "full_name", "usable_password", "password1", "password2"]


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User]):
    """Users. Deactivated, never deleted."""

    add_form = AdminUserCreationForm
    list_display = ["email", "full_name", "is_active", "is_staff"]
    search_fields = ["email", "full_name"]
    ordering = ["email"]
    fieldsets = [
        (None, {"fields": ["email", "full_name", "password"]}),
        ("Access", {"fields": [*ACCESS]}),
    ]
    add_fieldsets = [(None, {"fields": NEW})]

    def has_delete_permission(self, request: object, obj: User | None = None) -> bool:
        """Refuse: what a user did stays theirs."""
        return False
