"""Forms of the pages, for the services that the API also calls."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from rest_framework.exceptions import APIException

from apps.api.conflicts import as_conflict
from apps.authentication.services import require_own_password
from apps.isolation.integrations.transactions import is_after_commit
from apps.memberships.roles import INVITED_ROLES, Role
from apps.memberships.validators import validate_mailable
from apps.tenants.models import Tenant
from apps.tenants.settings import SETTINGS, Setting, TenantSettings, one_line
from apps.tenants.slugs import validate_slug

ONE_TIME = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
POLICY = "At least 8 characters, not only digits, not a common password."
MAY = {
    Role.VIEWER: "reads",
    Role.MEMBER: "also creates, changes and deletes",
    Role.ADMIN: "also manages members and settings",
    Role.OWNER: "also manages Owners",
}
"""Permissions that each role adds to those before it."""
SLUG = f"Letters, digits and hyphens: the part before .{settings.TENANT_BASE_DOMAIN}"
SHOWN_IN_THE_FORM = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
"""Statuses of errors that the form shows, since other input avoids them."""


class PageForm(forms.Form):
    """A form with a heading and a button, whose input goes to a service."""

    heading: ClassVar[str] = ""
    button: ClassVar[str] = "Save"
    is_destructive: ClassVar[bool] = False
    """True for a button that looks dangerous."""
    result: Any = None
    """The return value of the service."""

    def __init__(self, request: HttpRequest, **initial: object) -> None:
        data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
        super().__init__(data, files, initial=initial, label_suffix="")
        self.request = request

    def succeeds(self, action: Callable[..., object]) -> bool:
        """Call ``action`` with the fields as arguments; show its errors in the form."""
        if self.is_valid():
            try:
                self.result = action(**self.cleaned_data)
            except Exception as error:
                detail = _shown_of(error)
                if detail is None:
                    raise
                add_errors(self, detail)
        return self.is_bound and not self.errors


def add_errors(form: forms.Form, detail: object, field: str | None = None) -> None:
    """Add the details of an error to the fields that they name, or else to the form."""
    if isinstance(detail, dict):
        for name, part in detail.items():
            add_errors(form, part, name if name in form.fields else None)
    else:
        parts = detail if isinstance(detail, list) else [detail]
        form.add_error(field, [str(part) for part in parts])


def _shown_of(error: Exception) -> object | None:
    """Return the details of an error that the form shows; None for errors with their own page."""
    if is_after_commit(error):
        # The change is saved. An error in the form would make people send it again.
        return None
    if isinstance(error, ValidationError):
        by_field: object = error.message_dict if hasattr(error, "error_dict") else error.messages
        return by_field
    if isinstance(error, IntegrityError):
        conflict = as_conflict(error)
        return conflict and conflict.detail
    if isinstance(error, APIException) and error.status_code in SHOWN_IN_THE_FORM:
        return error.detail
    return None


def _password(autocomplete: str, help_text: str = "") -> forms.CharField:
    widget = forms.PasswordInput({"autocomplete": autocomplete})
    return forms.CharField(max_length=1024, strip=False, widget=widget, help_text=help_text)


def _new_password(help_text: str = POLICY) -> forms.CharField:
    return _password("new-password", help_text=help_text)


def _email() -> forms.EmailField:
    widget = forms.EmailInput({"autocomplete": "username"})
    return forms.EmailField(max_length=254, widget=widget, validators=[validate_mailable])


def _full_name() -> forms.CharField:
    widget = forms.TextInput({"autocomplete": "name"})
    return forms.CharField(max_length=255, required=False, label="Your name", widget=widget)


def _code(help_text: str = "") -> forms.CharField:
    return forms.CharField(max_length=20, help_text=help_text, widget=forms.TextInput(ONE_TIME))


# Log-in, sign-up and invitations


class LoginForm(PageForm):
    heading = button = "Log in"
    email = _email()
    password = _password("current-password")


class CodeForm(PageForm):
    heading = "Second factor"
    button = "Log in"
    code = _code("The code in your app, or one of your recovery codes.")


class LogoutForm(PageForm):
    heading = button = "Log out"


class SignUpForm(PageForm):
    heading = "Sign up"
    button = "Create workspace"
    email = _email()
    password = _new_password()
    code = forms.CharField(max_length=20, required=False, widget=forms.HiddenInput)
    full_name = _full_name()
    tenant_name = forms.CharField(max_length=255, label="Name of the workspace")
    tenant_slug = forms.CharField(
        max_length=63, label="Address of the workspace", help_text=SLUG, validators=[validate_slug]
    )

    def add_error(self, field: str | None, error: Any) -> None:
        """Show the field for the code when one is required."""
        super().add_error(field, error)
        if field == "code":
            self.fields["code"].widget = forms.TextInput(ONE_TIME)


class FindForm(PageForm):
    heading = "Go to your workspace"
    button = "Continue"
    tenant_slug = forms.SlugField(max_length=63, label="Address of the workspace", help_text=SLUG)


class VerifyEmailForm(PageForm):
    heading = "Verify your address"
    button = "Verify"


class SendPasswordResetForm(PageForm):
    heading = "New password"
    button = "Send a link"
    email = _email()


class ResetPasswordForm(PageForm):
    heading = "New password"
    button = "Set password"
    password = _new_password()


class JoinForm(PageForm):
    heading = button = "Join"


class AcceptForm(JoinForm):
    password = _new_password("A new password, or the current one if you already have an account.")
    full_name = _full_name()


# The user's own account


class ProfileForm(PageForm):
    heading = "Profile"
    full_name = _full_name()
    display_name = forms.CharField(
        max_length=255,
        required=False,
        label="Your name in this workspace",
        help_text="If it is empty, your name is shown.",
    )
    title = forms.CharField(
        max_length=100,
        required=False,
        help_text="Your position in this workspace.",
        widget=forms.TextInput({"autocomplete": "organization-title"}),
    )


class PhotoForm(PageForm):
    heading = "Photo"
    button = "Upload"
    photo = forms.FileField(
        label="A picture in JPEG, PNG or WebP",
        help_text=f"At most {filesizeformat(settings.PHOTO_MAX_BYTES)}.",
        allow_empty_file=True,
        widget=forms.FileInput({"accept": "image/jpeg,image/png,image/webp"}),
    )


class OwnPasswordForm(PageForm):
    """Asks for the password, so that nobody else can use an open browser."""

    current_password = _password("current-password")

    def clean_current_password(self) -> str:
        """Refuse an incorrect password."""
        password: str = self.cleaned_data["current_password"]
        require_own_password(self.request, password)
        return password


class ChangePasswordForm(OwnPasswordForm):
    heading = "Password"
    button = "Change password"
    new_password = _new_password()


class SwitchOnForm(OwnPasswordForm):
    heading = "Second factor"
    button = "Switch on"
    field_order = ("code", "current_password")
    code = _code()


class SwitchOffForm(OwnPasswordForm):
    heading = "Second factor"
    button = "Switch off"


# Members, and the tenant


class InvitationForm(PageForm):
    heading = "Invite somebody"
    button = "Invite"
    email = forms.EmailField(max_length=254, validators=[validate_mailable])
    role = forms.ChoiceField(choices=INVITED_ROLES, initial=Role.MEMBER)


class ButtonForm(PageForm):
    pass


class RoleForm(PageForm):
    heading = button = "Change role"
    role = forms.ChoiceField(choices=Role.choices, widget=forms.RadioSelect)

    def __init__(self, request: HttpRequest, role: str, *, has_owner: bool) -> None:
        super().__init__(request, role=role)
        roles = [(each, f"{each.label}: {may}") for each, may in MAY.items()]
        widget = forms.RadioSelect(choices=roles if has_owner else roles[:-1])
        self.fields["role"].widget = widget


class RemoveForm(PageForm):
    heading = button = "Remove"
    is_destructive = True


class ExportForm(OwnPasswordForm):
    heading = button = "Order an export"


class ArchiveForm(OwnPasswordForm):
    heading = button = "Delete this workspace"
    is_destructive = True


class TransferForm(PageForm):
    heading = "Transfer ownership"
    button = "Transfer"
    member = forms.UUIDField(label="The new Owner", widget=forms.Select)

    def __init__(self, request: HttpRequest, members: Iterable[tuple[UUID, str]]) -> None:
        super().__init__(request)
        self.fields["member"].widget = forms.Select(choices=list(members))


class LeaveForm(PageForm):
    heading = "Leave this workspace"
    button = "Leave"
    is_destructive = True


class DeleteForm(PageForm):
    """Asks whether to delete something; the page says what."""

    heading = button = "Delete"
    is_destructive = True


class TenantForm(PageForm):
    """A tenant's name, and all of its settings."""

    heading = "Settings"
    name = forms.CharField(max_length=255, validators=[one_line])

    widgets: ClassVar[dict[str, Callable[[], forms.Widget]]] = {
        "timezone": lambda: forms.Select(
            choices=[(name, name) for name in sorted(available_timezones())]
        ),
        "locale": lambda: forms.Select(
            choices=[(settings.LANGUAGE_CODE, "Default"), *settings.LANGUAGES]
        ),
        "brand_color": lambda: forms.TextInput({"type": "color"}),
    }
    """Widgets of settings that are not plain texts or numbers."""

    def __init__(self, request: HttpRequest, tenant: Tenant) -> None:
        super().__init__(request, name=tenant.name, **TenantSettings(tenant).all())
        self.fields |= {setting.name: self._field(setting) for setting in SETTINGS}

    def _field(self, setting: Setting[str] | Setting[int]) -> forms.Field:
        validators, widget = setting.validators, self.widgets.get(setting.name, lambda: None)()
        if isinstance(setting.default, int):
            return forms.IntegerField(validators=validators, widget=widget)
        return forms.CharField(
            max_length=100, required=bool(setting.default), validators=validators, widget=widget
        )
