"""Forms, made of what the API's serializers take. Said here is only how they look."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, ValidationError

from apps.authentication import serializers as accounts
from apps.memberships import serializers as members
from apps.memberships.exceptions import InvalidInvitation, LastOwner
from apps.projects.serializers import ProjectSerializer, TaskSerializer
from apps.tenants.serializers import TenantDetailSerializer

REFUSALS = (AuthenticationFailed, InvalidInvitation, LastOwner, ValidationError)
"""What is told beside the form. All else is an error page."""


class LoginSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    password = accounts.PasswordField()


class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=20)


class SwitchOnSerializer(accounts.OwnPasswordSerializer, CodeSerializer):
    pass


class SlugSerializer(serializers.Serializer[Any]):
    tenant_slug = serializers.SlugField()


@dataclass(frozen=True)
class Kind:
    """A heading, what is on the button, and which fields of a serializer there are."""

    heading: str
    button: str = "Save"
    serializer: type[serializers.Serializer[Any]] = serializers.Serializer
    fields: tuple[str, ...] = ()
    is_partial: bool = False


BUTTON = Kind("")
LOGIN = Kind("Log in", "Log in", LoginSerializer, ("email", "password"))
CODE = Kind("Second factor", "Log in", CodeSerializer, ("code",))
LOGOUT = Kind("Log out", "Log out")
FOUNDING = ("email", "password", "code", "full_name", "tenant_name", "tenant_slug")
SIGN_UP = Kind("Sign up", "Create workspace", accounts.SignUpSerializer, FOUNDING)
FIND = Kind("Go to your workspace", "Continue", SlugSerializer, ("tenant_slug",))
VERIFY = Kind("Verify your address", "Verify", accounts.VerifyEmailSerializer)
FORGOTTEN = Kind("New password", "Send a link", accounts.SendPasswordResetSerializer, ("email",))
RESET = Kind("New password", "Set password", accounts.ResetPasswordSerializer, ("password",))
ACCEPT = Kind("Join", "Join", members.AcceptSerializer, ("password", "full_name"))
JOIN = Kind("Join", "Join", members.AcceptSerializer)
USER = Kind("Profile", "Save", accounts.UserSerializer, ("full_name",), is_partial=True)
OLD_AND_NEW = ("current_password", "new_password")
PASSWORD = Kind("Password", "Change password", accounts.ChangePasswordSerializer, OLD_AND_NEW)
SWITCH_ON = Kind("Second factor", "Switch on", SwitchOnSerializer, ("code", "current_password"))
OWN = ("current_password",)
SWITCH_OFF = Kind("Second factor", "Switch off", accounts.OwnPasswordSerializer, OWN)
INVITE = Kind("Invite somebody", "Invite", members.InvitationSerializer, ("email", "role"))
TRANSFER = Kind("Transfer ownership", "Transfer", members.TransferSerializer, ("member",))
LEAVE = Kind("Leave this workspace", "Leave")
ROLE = Kind("", "Save", members.RoleSerializer, ("role",))
SETTINGS = Kind("Settings", "Save", TenantDetailSerializer, ("name", "settings"), True)
PROJECT = Kind("New project", "Add project", ProjectSerializer, ("name", "description"))
TASK = Kind("New task", "Add task", TaskSerializer, ("title", "assignee", "due_on"))
STATUS = Kind("", "Save", TaskSerializer, ("status",), is_partial=True)

CURRENT = {"widget": forms.PasswordInput({"autocomplete": "current-password"}), "strip": False}
NEW = {"widget": forms.PasswordInput({"autocomplete": "new-password"}), "strip": False}
POLICY = {
    "help_text": "At least 8 characters, of which some are no digits; none that is well known."
}
ONE_TIME = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
BY_APP = "From your app; or one of your recovery codes."
OR_OWN = {"help_text": "A new one; or yours, if you have an account here already."}
SLUG = f"Letters, digits, hyphens: what is before .{settings.TENANT_BASE_DOMAIN}"
ZONES = [(name, name) for name in sorted(available_timezones())]
LOCALES = [(settings.LANGUAGE_CODE, "Default"), *settings.LANGUAGES]

# By the field's name; where it is not the same everywhere, with the serializer's before it.
LOOKS: dict[str, dict[str, Any]] = {
    "email": {"widget": forms.EmailInput({"autocomplete": "username"})},
    "InvitationSerializer.email": {},
    "full_name": {"label": "Your name", "widget": forms.TextInput({"autocomplete": "name"})},
    "password": NEW | POLICY,
    "LoginSerializer.password": CURRENT,
    "AcceptSerializer.password": NEW | OR_OWN,
    "code": {"widget": forms.TextInput(ONE_TIME)},
    "CodeSerializer.code": {"widget": forms.TextInput(ONE_TIME), "help_text": BY_APP},
    # Shown to who turns out to need it.
    "SignUpSerializer.code": {"widget": forms.HiddenInput()},
    "current_password": CURRENT,
    "new_password": NEW | POLICY,
    "member": {"label": "The new Owner", "widget": forms.Select()},
    "tenant_name": {"label": "Name of the workspace"},
    "tenant_slug": {"label": "Address of the workspace", "help_text": SLUG},
    "description": {"widget": forms.Textarea({"rows": 2})},
    "assignee": {"empty_value": None},
    "due_on": {"widget": forms.DateInput({"type": "date"})},
    "timezone": {"widget": forms.Select(choices=ZONES)},
    "locale": {"widget": forms.Select(choices=LOCALES)},
    "brand_color": {"widget": forms.TextInput({"type": "color"})},
}
CLASSES: dict[type[serializers.Field[Any, Any, Any, Any]], type[forms.Field]] = {
    serializers.EmailField: forms.EmailField,
    serializers.CharField: forms.CharField,
    serializers.IntegerField: forms.IntegerField,
    serializers.DateField: forms.DateField,
    serializers.UUIDField: forms.UUIDField,
    serializers.ChoiceField: forms.ChoiceField,
    serializers.RelatedField: forms.TypedChoiceField,
}


class PageForm(forms.Form):
    """Takes a page's input to the serializer, and what that says back to the page."""

    result: Any

    def __init__(
        self, kind: Kind, request: HttpRequest | None = None, instance: Any = None, **initial: Any
    ) -> None:
        data = request.POST if request and request.method == "POST" else None
        super().__init__(data, initial=initial, label_suffix="")
        self.kind = kind
        options: Any = {"partial": kind.is_partial, "context": {"request": request}}
        self.serializer = kind.serializer(instance, data={}, **options)
        self.fields = dict(_fields(self.serializer, kind.fields))

    def succeeds(self, deed: Callable[[Any], object] | None = None, **given: Any) -> bool:
        """Do what the form is for, by default store what it says; tell what is refused.

        ``given`` is what the serializer is told beside the input. ``result`` is what came of it.
        """
        if self.is_valid():
            data = self._nested(self.serializer, self.kind.fields)
            self.serializer.initial_data = data | given
            try:
                self.serializer.is_valid(raise_exception=True)
                given = self.serializer.validated_data
                self.result = deed(given) if deed else self.serializer.save()
            except REFUSALS as error:
                self._tell(error.detail)
        return self.is_bound and not self.errors

    def _nested(self, source: Any, names: Iterable[str]) -> dict[str, Any]:
        """Return the input as the serializer takes it."""
        return {
            name: self.cleaned_data[name]
            if name in self.cleaned_data
            else self._nested(source.fields[name], source.fields[name].fields)
            for name in names
        }

    def _tell(self, detail: Any, field: str | None = None) -> None:
        if isinstance(detail, dict):
            for name, part in detail.items():
                self._tell(part, name if name in self.fields else None)
                self._show(name)
        else:
            parts = detail if isinstance(detail, list) else [detail]
            self.add_error(field, [str(part) for part in parts])

    def _show(self, name: str) -> None:
        if name in self.fields and self.fields[name].widget.is_hidden:
            self.fields[name].widget = forms.TextInput(ONE_TIME)


def _fields(source: Any, names: Iterable[str]) -> Iterator[tuple[str, forms.Field]]:
    """Go through the fields of a serializer, and those of one inside of it."""
    for name in names:
        field = source.fields[name]
        if isinstance(field, serializers.Serializer):
            yield from _fields(field, field.fields)
        else:
            yield name, _field(type(source).__name__, name, field)


def _field(serializer: str, name: str, source: Any) -> forms.Field:
    cls = next(CLASSES[each] for each in type(source).__mro__ if each in CLASSES)
    may_be_empty = source.allow_null or getattr(source, "allow_blank", False)
    initial = None if source.default is serializers.empty else source.default
    options = {"required": not may_be_empty, "label": source.label, "initial": initial}
    if issubclass(cls, forms.ChoiceField):
        options["choices"] = [("", "Nobody")] * may_be_empty + list(source.choices.items())
    return cls(**options | LOOKS.get(f"{serializer}.{name}", LOOKS.get(name, {})))
