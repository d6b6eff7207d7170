"""The platform's admin of users, and the log-in of its staff."""

from collections.abc import Iterable

import allauth.account.admin
import allauth.mfa.admin  # noqa: F401 - the two register what is unregistered below
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from apps.audit.services import Action, record
from apps.authentication.exceptions import SecondFactorRequired
from apps.authentication.models import User
from apps.authentication.second_factor import require_code, switch_off
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.addresses import change_address
from apps.memberships.attempts import counted, own_password_attempt, remember_source
from apps.tenants.admin import ServiceAdmin, staff

ACCESS = ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]
NEW = ["email", "full_name", "usable_password", "password1", "password2"]

# They would show secrets, and allow changes that bypass the services for users.
admin.site.unregister([Authenticator, EmailAddress])


class StaffLogInForm(AdminAuthenticationForm):
    """Also asks for the code of a second factor, and counts attempts like every log-in."""

    code = forms.CharField(required=False, max_length=20, label="Code, if you have a second factor")

    request: HttpRequest

    def clean(self) -> dict[str, object]:
        """Count each attempt; after the correct password, ask for the code."""
        email = self.cleaned_data.get("username", "")
        with counted(self.request, email):
            cleaned = super().clean()
        user = self.get_user()
        if user is None:  # no attempt: a field is empty
            return cleaned
        remember_source(self.request, email)
        try:
            require_code(self.request, user, self.cleaned_data.get("code", ""), tenant=None)
        except SecondFactorRequired as error:
            raise ValidationError(str(error.detail), str(error.get_codes())) from error
        return cleaned


class StaffPasswordForm(AdminPasswordChangeForm):
    """Also counts attempts at the old password, and records the change."""

    def clean_old_password(self) -> str:
        """Refuse an incorrect password."""
        with own_password_attempt(context.request, self.user, None):
            return str(super().clean_old_password())

    def save(self, commit: bool = True) -> User:
        """Store only the password."""
        with transaction.atomic(using=SHARED_DB):
            user = super().save(commit=False)
            user.save(update_fields=["password"])
            record(Action.PASSWORD_CHANGED, user, tenant=None, actor=user)
        return user


admin.site.login_form = StaffLogInForm
admin.site.password_change_form = StaffPasswordForm


@admin.register(User)
class UserAdmin(ServiceAdmin[User], DjangoUserAdmin[User]):
    """Users, who are deactivated and never deleted."""

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
        """Switch off the second factor of users who have lost their codes."""
        for user in users:
            switch_off(user, tenant=None, actor=staff(request))

    def save_model(
        self, request: HttpRequest, obj: User, form: forms.ModelForm[User], change: bool
    ) -> None:
        """Store the changed fields; change an address with its service."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        changed = {*form.changed_data} & {field.name for field in User._meta.concrete_fields}
        if "email" in changed:
            change_address(obj, obj.email, actor=staff(request))
        obj.save(update_fields=changed - {"email"})
        if "is_active" in changed:
            obj.end_log_ins()

    def save_related(
        self, request: HttpRequest, form: forms.ModelForm[User], formsets: object, change: bool
    ) -> None:
        """Store groups and permissions; then record all changes."""
        super().save_related(request, form, formsets, change)
        fields = {*ACCESS, "email", "full_name"}.intersection(form.changed_data)
        record(
            Action.USER_CHANGED if change else Action.USER_ADDED,
            form.instance,
            tenant=None,
            actor=staff(request),
            before={name: _plain(form.initial.get(name)) for name in fields},
            after={name: _plain(form.cleaned_data[name]) for name in fields},
        )

    def log_change(self, request: HttpRequest, obj: User, message: object) -> LogEntry:
        """Record the new password, which has its own form."""
        if message == [{"changed": {"fields": ["password"]}}]:
            with transaction.atomic(using=SHARED_DB):
                record(Action.PASSWORD_CHANGED, obj, tenant=None, actor=staff(request))
        return super().log_change(request, obj, message)


def _plain(value: Iterable[Model] | str | bool | None) -> object:
    """Return a value for an audit event: rows by their ids."""
    return value if isinstance(value, str | bool | None) else sorted(row.pk for row in value)
