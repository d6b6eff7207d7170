"""The platform's administration of users, and how its staff logs in."""

from collections.abc import Iterable
from typing import Any

import allauth.mfa.admin  # noqa: F401 - registers what is unregistered below
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from apps.audit.services import Action, record
from apps.authentication import services
from apps.authentication.exceptions import SecondFactorRequired
from apps.authentication.models import User
from apps.authentication.second_factor import require_code, switch_off
from apps.authentication.throttling import throttle
from apps.isolation.app_registry import SHARED_DB
from apps.tenants.admin import staff

ACCESS = ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]
NEW = ["email", "full_name", "usable_password", "password1", "password2"]

# It would show secrets, and offer to write them.
admin.site.unregister(Authenticator)


class StaffLogInForm(AdminAuthenticationForm):
    """Asks for a code, too, of who has a second factor; and is counted as every log-in is."""

    code = forms.CharField(required=False, max_length=20, label="Code, if you have a second factor")

    request: HttpRequest

    def clean(self) -> dict[str, object]:
        """Count each try."""
        email = User.objects.normalize_email(self.cleaned_data.get("username"))
        throttle(self.request, "login", key=email)
        return super().clean()

    def get_invalid_login_error(self) -> ValidationError:
        """Write a wrong password down."""
        services.record_failure(self.request, "")
        return super().get_invalid_login_error()

    def confirm_login_allowed(self, user: User) -> None:
        """Ask for the code of who gave the right password."""
        super().confirm_login_allowed(user)
        try:
            require_code(self.request, user, self.cleaned_data.get("code", ""), tenant=None)
        except SecondFactorRequired as error:
            raise ValidationError(str(error.detail), str(error.get_codes())) from error


admin.site.login_form = StaffLogInForm


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
    actions = ["switch_off_second_factor"]

    @admin.action(description="Switch off the second factor", permissions=["change"])
    def switch_off_second_factor(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Let those in by their password alone who have lost their codes."""
        for user in users:
            switch_off(user, tenant=None, actor=staff(request))

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Store groups and permissions; with them all is stored, and is written down."""
        super().save_related(request, form, formsets, change)
        fields = {*ACCESS, "email", "full_name"}.intersection(form.changed_data)
        record(
            Action.USER_CHANGED if change else Action.USER_ADDED,
            form.instance,
            tenant=None,
            actor=request.user,
            before={name: _plain(form.initial.get(name)) for name in fields},
            after={name: _plain(form.cleaned_data[name]) for name in fields},
        )

    def log_change(self, request: Any, obj: User, message: Any) -> LogEntry:
        """Write down that a password was set, which is a form of its own."""
        if message == [{"changed": {"fields": ["password"]}}]:
            with transaction.atomic(using=SHARED_DB):
                record(Action.PASSWORD_CHANGED, obj, tenant=None, actor=request.user)
        return super().log_change(request, obj, message)

    def has_delete_permission(self, request: object, obj: User | None = None) -> bool:
        """Refuse: what a user did stays theirs."""
        return False


def _plain(value: Iterable[Model] | str | bool | None) -> object:
    """Return a value as an audit event can keep it: rows by their ids."""
    return value if isinstance(value, str | bool | None) else sorted(row.pk for row in value)
