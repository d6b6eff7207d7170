"""A tenant's settings, with their types and validators."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import transaction

from apps.audit.services import Action, record
from apps.isolation.app_registry import SHARED_DB

if TYPE_CHECKING:
    from django.db.models import Model

    from apps.tenants.models import Tenant

one_line = RegexValidator(r"\A[^\x00-\x1f\x7f-\x9f\u2028\u2029]+\Z", "Enter a single line.")
"""Validate a name for use in the header of a mail."""

_LONGEST_SESSION: int = settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"] // timedelta(hours=1)


@dataclass(frozen=True)
class Setting[T: (str, int)]:
    """A setting of tenants; its type is that of the default."""

    name: str
    default: T
    validators: tuple[Callable[[Any], None], ...] = ()


def _validate_timezone(name: str) -> None:
    if name not in _timezones():
        raise ValidationError("Unknown time zone.")


def _validate_locale(name: str) -> None:
    if name not in {settings.LANGUAGE_CODE, *dict(settings.LANGUAGES)}:
        raise ValidationError("Unknown locale.")


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


TIMEZONE = Setting("timezone", settings.TIME_ZONE, (_validate_timezone,))
LOCALE = Setting("locale", settings.LANGUAGE_CODE, (_validate_locale,))
BRAND_NAME = Setting("brand_name", "", (one_line,))
BRAND_COLOR = Setting(
    "brand_color",
    "#0b5fff",
    (RegexValidator(r"\A#[0-9a-f]{6}\Z", "Enter a color such as #1a2b3c."),),
)
SESSION_HOURS = Setting(
    "session_hours", _LONGEST_SESSION, (MinValueValidator(1), MaxValueValidator(_LONGEST_SESSION))
)

SETTINGS: tuple[Setting[Any], ...] = (TIMEZONE, LOCALE, BRAND_NAME, BRAND_COLOR, SESSION_HOURS)


class TenantSettings:
    """The settings of one tenant."""

    def __init__(self, tenant: "Tenant") -> None:
        self._tenant = tenant

    def get[T: (str, int)](self, setting: Setting[T]) -> T:
        """Return the tenant's value, or the default."""
        return cast("T", self._tenant.settings.get(setting.name, setting.default))

    def set[T: (str, int)](
        self, setting: Setting[T], value: T, *, actor: "Model | None" = None
    ) -> None:
        """Store a value, and keep others' concurrent changes; raise ValidationError if invalid."""
        with transaction.atomic(using=SHARED_DB):
            self._tenant = type(self._tenant).objects.locked(self._tenant.pk)
            change_tenant(self._tenant, actor=actor, settings={setting.name: value})

    def all(self) -> dict[str, str | int]:
        """Return every setting by name."""
        return {setting.name: self.get(setting) for setting in SETTINGS}


def change_tenant(
    tenant: "Tenant",
    *,
    actor: "Model | None",
    settings: dict[str, object],
    action: Action = Action.TENANT_CHANGED,
    **fields: object,
) -> None:
    """Store fields and the given settings of a tenant whose row is locked.

    Raises ValidationError for unknown settings and invalid values.
    """
    validate_settings(settings)
    after = {**fields, **settings}
    stored = {**TenantSettings(tenant).all(), **{name: getattr(tenant, name) for name in fields}}
    before = {name: stored[name] for name in after}
    if before == after:
        return
    for name, value in fields.items():
        setattr(tenant, name, value)
    tenant.settings = {**tenant.settings, **settings}
    tenant.save(update_fields=[*fields, "settings", "updated_at"])
    record(action, tenant, tenant=tenant, actor=actor, before=before, after=after)


def validate_settings(values: object) -> None:
    """Raise ValidationError unless ``values`` are known settings with valid values."""
    if not isinstance(values, dict):
        raise ValidationError("Settings must be an object.")
    errors = [error for name, value in values.items() for error in _errors(name, value)]
    if errors:
        raise ValidationError(errors)


def _errors(name: str, value: object) -> Iterable[str]:
    setting = next((each for each in SETTINGS if each.name == name), None)
    if setting is None:
        yield f"There is no setting {name}."
    elif type(value) is not type(setting.default):
        yield f"{name} must be of type {type(setting.default).__name__}."
    elif value != setting.default:
        for validate in setting.validators:
            try:
                validate(value)
            except ValidationError as error:
                yield f"{name}: {error.messages[0]}"
