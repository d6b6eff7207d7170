"""System checks of models, settings and the database that protect isolation."""

from collections.abc import Iterator, Sequence

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.cache.backends.base import get_key_func
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name
from django.db.models import CharField, ForeignKey, ManyToManyField, Model, TextField
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save
from django.utils.module_loading import import_string

from apps.isolation.app_registry import is_tenant_model
from apps.isolation.fields import ModelField, SharedForeignKey, UserForeignKey, is_personal
from apps.isolation.integrations.cache import tenant_key
from apps.isolation.integrations.files import TenantStorage
from apps.isolation.integrations.sessions import SessionStore
from apps.isolation.managers import TenantManager
from apps.isolation.models import TenantModel
from apps.isolation.ownership import TenantBoundModel
from apps.isolation.postgresql.invariants import Invariants
from apps.isolation.strategy.invariants import invariants
from apps.isolation.strategy.shared_keys import find_obstacle

IN_ORDER = ["tenant_middleware", "SuspendedTenantMiddleware", "SessionMiddleware"]
IN_ORDER += ["AuthenticationMiddleware", "StrictAccessMiddleware"]
"""Required order. The tenant comes first, since a session belongs to it."""

SIGNALS = (pre_save, post_save, pre_delete, post_delete, m2m_changed)
"""Signals that are sent when rows change."""


def check_tenant_models(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Check that every model is in the right kind of app and has only permitted relations."""
    configs = app_configs if app_configs is not None else list(apps.get_app_configs())
    models = [model for config in configs for model in config.get_models()]
    return [problem for model in models for problem in _check_model(model)]


def check_integrations(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Check the settings that scope requests, caches, files and sessions to the tenant."""
    middleware = [path.rpartition(".")[2] for path in settings.MIDDLEWARE]
    middleware = [name for name in middleware if name in IN_ORDER]
    storage = import_string(settings.STORAGES["default"]["BACKEND"])
    sessions = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    required = {
        f'CACHES["{alias}"] must set KEY_FUNCTION to {tenant_key.__module__}.tenant_key, or be '
        "listed in PLATFORM_CACHES": get_key_func(cache.get("KEY_FUNCTION")) is tenant_key
        for alias, cache in settings.CACHES.items()
        if alias not in settings.PLATFORM_CACHES
    } | {
        f'STORAGES["default"] must be a {TenantStorage.__module__}.TenantStorage': issubclass(
            storage, TenantStorage
        ),
        f"SESSION_ENGINE must have the SessionStore of {SessionStore.__module__}": issubclass(
            sessions, SessionStore
        ),
        f"MIDDLEWARE must have, in this order, {', '.join(IN_ORDER)}": middleware == IN_ORDER,
    }
    hint = "Otherwise tenants share data."
    return [
        Error(f"{sentence}.", hint=hint, id="isolation.E020")
        for sentence, holds in required.items()
        if not holds
    ]


def check_recorders(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Check that no app outside TENANT_APPS records the contents of tenants' rows.

    Audit logs and version histories do so: they receive the signals of rows, and store the contents
    and the type of a row in shared tables.
    """
    return list(_find_recorders())


def _find_recorders() -> Iterator[CheckMessage]:
    of_all = _receivers_of(Model)
    models = {model: _receivers_of(model) for model in apps.get_models() if is_tenant_model(model)}
    what = "and could store the rows of all tenants in shared tables."
    hint = "List the app in TENANT_APPS, or register no model of TENANT_APPS with it."
    for config in filter(_has_shared_records, apps.get_app_configs()):
        if config in of_all and models:
            message = f"{config.name} receives the signals of all models, {what}"
            more = f"{hint} In the second case, silence this check."
            yield Warning(message, hint=more, id="isolation.W013")
            continue
        for model, receivers in models.items():
            if config in receivers:
                message = f"{config.name} receives the signals of {model._meta.label}, {what}"
                yield _error("E013", model, message, hint)


def _has_shared_records(config: AppConfig) -> bool:
    """Return whether an app has a shared model with a key to ContentType."""
    fields = [
        field
        for model in config.get_models()
        if not is_tenant_model(model)
        for field in model._meta.local_fields
    ]
    return any(field.related_model is ContentType for field in fields)


def _receivers_of(sender: type[Model]) -> set[AppConfig]:
    """Return the apps that receive the signals of a model's rows."""
    found = {
        apps.get_containing_app_config(getattr(receiver, "__module__", ""))
        for signal in SIGNALS
        for receivers in signal._live_receivers(sender)  # noqa: SLF001 - Django names them nowhere
        for receiver in receivers
    }
    return {config for config in found if config}


def check_invariants(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: object,
) -> list[CheckMessage]:
    """Check the invariants in the database: ``manage.py check --database owner``."""
    found = violations() if databases else []
    hint = "docs/isolation.md describes the invariants; manage.py migrate sets up new tables."
    return [Error(violation, hint=hint, id="isolation.E010") for violation in found]


def violations(of: Invariants | None = None) -> list[str]:
    """Return a sentence for each violation of these invariants, by default of all."""
    asked = (of or invariants()).items()
    return [
        f"Invariant violated: {name}. Found: {found}"
        for name, invariant in asked
        for found in invariant()
    ]


def _error(number: str, obj: object, message: str, hint: str) -> Error:
    return Error(message, hint=hint, obj=obj, id=f"isolation.{number}")


def _check_model(model: type[Model]) -> Iterator[CheckMessage]:
    if issubclass(model, TenantBoundModel) != is_tenant_model(model):
        message = (
            f"{model._meta.label} is a TenantModel in an app outside TENANT_APPS, or a model of "
            "TENANT_APPS that was loaded before apps.isolation could bind it to the tenant."
        )
        hint = "List the app in TENANT_APPS, and apps.isolation first in SHARED_APPS."
        yield _error("E001", model, message, hint)
        return
    if is_tenant_model(model):
        yield from _check_tenant_model(model)
    if issubclass(model, TenantModel):
        yield from _check_managers(model)
    options = model._meta
    for field in [*options.local_fields, *options.local_many_to_many, *options.private_fields]:
        yield from _check_relation(field)
        yield from _check_length(field)


def _check_length(field: ModelField) -> Iterator[CheckMessage]:
    """Check that the project's own editable text fields have a maximum length."""
    is_text = isinstance(field, CharField | TextField) and field.editable
    if not is_text or field.max_length is not None:
        return
    if issubclass(field.model, TenantModel) or _origin(field).startswith("apps."):
        message = f"{field} accepts text of any length."
        hint = "Set max_length, which forms and serializers enforce."
        yield _error("E011", field, message, hint)


def _origin(field: ModelField) -> str:
    """Return the module of the class that declares a field."""
    bases = [base for base in field.model.__mro__ if hasattr(base, "_meta")]
    names = [
        base.__module__
        for base in bases
        if any(field.name == each.name for each in base._meta.local_fields)
    ]
    return names[-1]


def _check_tenant_model(model: type[Model]) -> Iterator[CheckMessage]:
    if not all(is_tenant_model(parent) for parent in model._meta.parents):
        message = f"{model._meta.label} inherits from a shared model: its rows span both tables."
        hint = "Derive from an abstract model, or refer to the other model with a ForeignKey."
        yield _error("E005", model, message, hint)
    for field in model._meta.local_fields:
        if _takes_the_tenants_name(field):
            message = f"{field} has the name or the column of the field for the row's tenant."
            hint = "Use another name than tenant, and another db_column than tenant_id."
            yield _error("E012", field, message, hint)
        if any(not isinstance(storage, TenantStorage) for storage in _storages(field)):
            message = f"{field} stores files outside the tenant's storage."
            hint = "Omit storage=, or pass a subclass of TenantStorage."
            yield _error("E009", field, message, hint)
        if _outlasts_its_user(field):
            message = f"{field} declares no behaviour for the erasure of its user."
            hint = "Use UserForeignKey: null=True, or personal=True to delete the row too."
            yield _error("E008", field, message, hint)


def _takes_the_tenants_name(field: ModelField) -> bool:
    """Return whether a field uses the tenant's name or column, which one strategy needs."""
    is_own = getattr(field, "references_own_tenant", False)
    return not is_own and (field.name == "tenant" or field.column == "tenant_id")


def _check_managers(model: type[TenantModel]) -> Iterator[CheckMessage]:
    for manager in model._meta.managers:
        # Querysets of other managers are bound to the tenant, but do not filter by it.
        if not isinstance(manager, TenantManager):
            message = f"The manager {manager} is not bound to the active tenant."
            hint = "Derive it from TenantManager, or its queryset from TenantQuerySet."
            yield _error("E007", model, message, hint)


def _storages(field: ModelField) -> Iterator[object]:
    """Yield a field's storage, and the storage that its callable selects now."""
    if hasattr(field, "storage"):
        yield field.storage
    if choose := getattr(field, "_storage_callable", None):
        yield choose()


def _outlasts_its_user(field: ModelField) -> bool:
    if isinstance(field, UserForeignKey):
        return not (field.null or field.personal)
    if not isinstance(field, ForeignKey) or field.related_model is not get_user_model():
        return False
    return isinstance(field, SharedForeignKey) or not (field.null or is_personal(field))


def _check_relation(field: ModelField) -> Iterator[CheckMessage]:
    target = field.related_model
    if not (isinstance(target, type) and issubclass(target, Model)) or getattr(
        field, "references_own_tenant", False
    ):
        return
    crosses = is_tenant_model(field.model) != is_tenant_model(target)
    if crosses and is_tenant_model(target):
        message = f"{field} refers from shared data to tenant data."
        hint = "Store the id in a plain field, or move the model into an app of TENANT_APPS."
        yield _error("E002", field, message, hint)
    elif crosses and (obstacle := _find_obstacle(field)):
        message = f"{field} refers from a tenant model to shared data, {obstacle}."
        hint = "Use SharedForeignKey (UserForeignKey for users), or list the app in SHARED_APPS."
        yield _error("E003", field, message, hint)


def _find_obstacle(field: ModelField) -> str:
    """Return why a relation to shared data cannot work; an empty text if it can."""
    if not isinstance(field, ForeignKey | ManyToManyField):
        return "without a key in the tenant's own tables"
    return "" if isinstance(field, SharedForeignKey) else find_obstacle(field)
