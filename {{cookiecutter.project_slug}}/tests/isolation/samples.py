"""Generates rows, bodies and ids for every model, serializer and route from their declarations.

Values that a declaration does not determine have a line in `SAMPLES`. If such a line is missing,
the suite fails with a sentence that names it.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import islice, product
from typing import Any
from uuid import UUID, uuid4, uuid5

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DEFAULT_DB_ALIAS, DatabaseError, models, transaction
from rest_framework import serializers

from apps.exports.models import TenantExport
from apps.isolation import tenant_context
from apps.isolation.app_registry import SHARED_DB, is_tenant_model
from apps.isolation.testing import api_client, make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.invitations import hash_of
from apps.memberships.models import Invitation, Membership
from apps.pages.shared_views import preparation_token
from apps.profiles.models import Profile
from apps.profiles.testing import picture
from apps.tenants.settings import TenantSettings
from tests.isolation.declarations import (
    LONG_ENOUGH,
    Check,
    checks_of,
    columns_of,
    fields_in,
    is_in_series,
    is_inherited,
    is_of_tenant,
    is_once,
    is_parent_link,
    is_tenant_key,
    keys_of,
    meets,
    models_of_tenants,
    set_key,
    shared_models,
    tables_of,
    tenant_models,
    unknown_id,
)
from tests.isolation.routes import Route, model_called
from tests.isolation.values import (
    FIELD_VALUES,
    MODEL_VALUES,
    MOMENT,
    SHOWING,
    different,
    find,
    is_valid,
    new_key,
    others,
)

# Values that declarations do not determine. Keys: "POST auth/token/" is the body of a route,
# "reports/<year>/ year" a parameter of a path, "tenants.Domain.domain" a field of a model, and
# "ProjectSerializer.name" a field of a serializer.
SAMPLES: dict[str, Callable[["Samples"], Any]] = {
    "/admin/<app_label>/ app_label": lambda own: "tenants",
    "/admin/authentication/user/<id>/password/ id": lambda own: own.member.pk,
    "/admin/<url> url": lambda own: "nowhere",
    "/admin/r/<path:content_type_id>/<path:object_id>/ content_type_id": lambda own: 1,
    "/admin/r/<path:content_type_id>/<path:object_id>/ object_id": lambda own: own.tenant.pk,
    "/invitations/<str:token>/ token": lambda own: _invitation_of(own),  # noqa: PLW0108 - it is below
    "/settings/exports/<uuid:export_id>/ export_id": lambda own: own.row(TenantExport).pk,
    "localhost/password-reset/<str:token>/ token": lambda own: _reset_of(own.member),
    "localhost/signup/<str:token>/ token": lambda own: preparation_token(own.tenant),
    "localhost/verify-email/<str:token>/ token": lambda own: _verification_of(own.member),
    "GET localhost/tls/allowed": lambda own: {"domain": f"{own.tenant.slug}.localhost"},
    "authentication.Session.session_key": lambda own: uuid4().hex,
    "tasks.TaskRun.job": lambda own: uuid4().int >> 65,
    "audit.AuditEvent.changes": lambda own: {"name": {"before": "", "after": own.text()}},
    "POST /login/": lambda own: {"email": own.member.email, "password": PASSWORD},
    "POST /profile/password/": lambda own: {
        "current_password": PASSWORD,
        "new_password": f"{PASSWORD}, again",
    },
    "POST /settings/exports/": lambda own: {"current_password": PASSWORD},
    "POST exports/": lambda own: {"current_password": PASSWORD},
    "POST /settings/archive/": lambda own: {"current_password": PASSWORD},
    "POST tenant/archive/": lambda own: {"current_password": PASSWORD},
    "POST /settings/": lambda own: {
        **TenantSettings(own.tenant).all(),
        "name": own.text(),
        "brand_name": own.text(),
    },
    "PATCH tenant/": lambda own: {"name": own.text(), "settings": {"brand_name": own.text()}},
    "PUT me/photo/": lambda own: {"photo": SimpleUploadedFile("me.png", picture())},
    "POST /profile/photo/": lambda own: {"photo": SimpleUploadedFile("me.png", picture())},
    "profiles/<uuid:user_id>/photo/ user_id": lambda own: own.row(Profile).user_id,
    "/photos/<uuid:user_id>/ user_id": lambda own: own.row(Profile).user_id,
    "POST auth/email/verify/": lambda own: {"token": _verification_of(own.member)},
    "POST auth/logout/": lambda own: {"refresh": own.tokens()["refresh"]},
    "POST auth/password/change/": lambda own: {
        "current_password": PASSWORD,
        "new_password": f"{PASSWORD}, again",
    },
    "POST auth/password/reset/confirm/": lambda own: {
        "token": _reset_of(own.member),
        "password": f"{PASSWORD}, again",
    },
    "POST auth/switch/": lambda own: {"tenant": own.tenant.slug},
    "POST auth/token/": lambda own: {"email": own.member.email, "password": PASSWORD},
    "POST auth/token/refresh/": lambda own: {"refresh": own.tokens()["refresh"]},
    "POST auth/token/verify/": lambda own: {"token": own.tokens()["access"]},
    "POST invitations/accept/": lambda own: {"token": _invitation_of(own), "password": PASSWORD},
    # A generated text may be too similar to the member's address.
    "AcceptSerializer.password": lambda own: PASSWORD,
    "ResetPasswordSerializer.password": lambda own: f"{PASSWORD}, again",
    "TransferSerializer.member": lambda own: str(own.row(Membership).pk),
    "AcceptForm.password": lambda own: PASSWORD,
    "ResetPasswordForm.password": lambda own: f"{PASSWORD}, again",
    "TransferForm.member": lambda own: str(own.row(Membership).pk),
    "TaskForm.assignee": lambda own: str(own.member.pk),
    "EditTaskForm.assignee": lambda own: str(own.member.pk),
    # While one is open, there is no other export of the tenant, or of the same user.
    "exports.TenantExport.status": lambda own: "done",
    "exports.TenantExport.completed_at": lambda own: MOMENT,
    "privacy.PrivacyRequest.status": lambda own: "done",
    "privacy.PrivacyRequest.completed_at": lambda own: MOMENT,
    "privacy.PrivacyRequest.user_id": lambda own: _member_of_several(own).pk,
    "tenants.Domain.domain": lambda own: f"{own.text()}.example".lower(),
}

# Requests that are tested without a body only, with the reason.
UNTRIED = {
    "POST auth/signup/": "makes storage, which is not taken back; test_accounts.py signs up",
    "POST localhost/signup/": "makes storage, which is not taken back; apps/pages/tests sign up",
    "POST /profile/second-factor/": "takes a code of the secret on the page; apps/pages/tests do",
    "GET localhost/metrics": "is there for Prometheus only; tests/test_metrics.py asks",
}


# How many values of a check constraint's fields are tried.
MOST_TRIES = 500

# The numbers of the values that meet the check constraints of each model.
_CHOSEN: dict[type[models.Model], dict[Any, int]] = {}


class NoSample(Exception):
    """No valid values for a route, a model or a serializer are known."""

    def __init__(self, what: str, key: str) -> None:
        super().__init__(
            f"{what} cannot be tried out by itself. Add a line to SAMPLES in "
            f'tests/isolation/samples.py: "{key}": lambda own: ...'
        )


class CircularError(NoSample):
    """A row needs another one, which needs the first one."""


class Samples:
    """A tenant with a member, a row of every model of tenants, and values for more.

    Every text names its tenant: ``CANARY-A-`` and a unique suffix.
    """

    def __init__(self, tenant: Any, letter: str) -> None:
        self.tenant: Any = tenant
        self.canary = f"CANARY-{letter}-"
        self.rows: dict[type[models.Model], Any] = {}
        self.missing: dict[type[models.Model], Exception] = {}
        self._in_progress: list[type[models.Model]] = []

    @cached_property
    def member(self) -> Any:
        """A member of the tenant."""
        user = make_member(self.tenant, "member", self.email()).user
        user.full_name = self.text()
        user.save()
        return user

    def text(self, limit: int | None = None) -> str:
        """Return a unique text. A short one does not name its tenant."""
        unique = uuid4().hex
        is_short = limit is not None and limit < len(self.canary) + LONG_ENOUGH
        return unique[:limit] if is_short else f"{self.canary}{unique}"[:limit]

    def email(self) -> str:
        """Return a unique e-mail address in lower case."""
        return f"{self.text()}@example.test".lower()

    def tokens(self) -> Any:
        """Return a new pair of the member's tokens."""
        body = {"email": self.member.email, "password": PASSWORD}
        return api_client(self.tenant).post("/api/v1/auth/token/", body).json()

    # Rows

    def fill(self) -> None:
        """Create a row of every model of tenants; record the models without a sample."""
        for model in self.wanted():
            try:
                self.row(model)
            except (NoSample, ValueError) as error:
                self.missing[model] = error

    def wanted(self) -> list[type[models.Model]]:
        """Return the models that need a row."""
        return models_of_tenants()

    def row(self, model: type[models.Model]) -> Any:
        """Return the tenant's row of a model."""
        if model is get_user_model():
            return self.member
        if model is type(self.tenant):
            return self.tenant
        if model not in self.rows:
            self.rows[model] = self.make(model)
        return self.rows[model]

    def are_in(self, body: str, model: type[models.Model]) -> bool:
        """Return whether a body contains the row of a model, or a text of this tenant."""
        return str(self.row(model).pk) in body or self.canary in body

    def make(self, model: type[models.Model], **pinned: Any) -> Any:
        """Insert another row of a model, with the values that are ``pinned``."""
        alias = _alias_of(model)
        with tenant_context(self.tenant):
            row = self.build(model, **pinned)
            try:
                with transaction.atomic(using=alias):
                    row.save()
            except DatabaseError as error:
                raise _explain(row, error) from error
        return row

    def build(self, model: type[models.Model], **pinned: Any) -> Any:
        """Return a new object of a model, with values in all texts and relations."""
        values: dict[str, Any] = {}
        self._in_progress.append(model)
        try:
            for field in columns_of(model):
                with suppress(_LeaveOut):
                    if field.attname not in pinned:
                        values[field.attname] = self._value(field)
            for generic in model._meta.private_fields:
                if isinstance(generic, GenericForeignKey):
                    values |= self._generic(model, generic)
            row = model(**values | pinned)
            if is_inherited(model):
                set_key(row, getattr(row, tables_of(model)[0]._meta.pk.attname))
            self._meet_checks(row, {*pinned})
        finally:
            self._in_progress.pop()
        return row

    def _value(self, field: Any) -> Any:
        key = _key_of(field)
        if key in SAMPLES:
            return SAMPLES[key](self)
        if is_parent_link(field) or getattr(field, "references_own_tenant", False):
            raise _LeaveOut
        if is_tenant_key(field):
            return self.tenant.pk
        if field.remote_field:
            return self._related(field)
        if field.primary_key:
            return self._key(field)
        if field.has_db_default() and not field.has_default():
            raise _LeaveOut
        if field.choices:
            return field.get_default() if field.has_default() else next(others(field, None))
        if not isinstance(field, SHOWING) and (field.null or _has_default(field)):
            raise _LeaveOut
        return self._of_type(field)

    def _key(self, field: Any) -> Any:
        if isinstance(field, models.AutoField):
            return new_key(field)
        if _has_default(field):
            raise _LeaveOut
        return new_key(field) if isinstance(field, models.IntegerField) else self._of_type(field)

    def _of_type(self, field: Any) -> Any:
        """Return a value of a field's type that its validators accept."""
        key = _key_of(field)
        value = _first(MODEL_VALUES, field, key)(self, field)
        if is_in_series(field):
            value = different(field, value)
        for each in map(field.to_python, (value, *others(field, value))):
            if is_valid(field, each):
                return each
        raise NoSample(f"The {type(field).__name__} {key}, with its validators,", key)

    def _related(self, field: Any) -> Any:
        target = field.related_model
        if target is ContentType or (target is field.model and field.null):
            raise _LeaveOut  # the generic relation sets the content type
        if is_once(field) and target is get_user_model():
            return self._other_user(field.model)
        try:
            row = self._target(field)
        except CircularError:
            if field.null:
                raise _LeaveOut from None
            raise
        return getattr(row, field.target_field.attname)

    def _target(self, field: Any) -> Any:
        target = field.related_model
        if target in self._in_progress and target not in self.rows:
            raise CircularError(f"{_key_of(field)}, in a circle of keys,", _key_of(field))
        return (
            self.make(target) if is_once(field) and field.model in self.rows else self.row(target)
        )

    def _other_user(self, model: type[models.Model]) -> Any:
        """Return the id of a new user; of a member, to whom a tenant's row may refer."""
        if is_tenant_model(model):
            return make_member(self.tenant, "member", self.email()).user_id
        return make_user(self).pk

    def _generic(self, model: type[models.Model], generic: GenericForeignKey) -> dict[str, Any]:
        """Refer to a model that declares the relation, or else to any other one."""
        others = [other for other in tenant_models() if other is not model]
        declared = [other for other in others if _is_declared(other, model)]
        target = [*declared, *others][0]
        content_type = ContentType.objects.get_for_model(target)
        return {f"{generic.ct_field}_id": content_type.pk, generic.fk_field: self.row(target).pk}

    # Check constraints

    def _meet_checks(self, row: Any, pinned: set[str]) -> None:
        """Choose other values until the row meets its check constraints."""
        model = type(row)
        if pinned or model not in _CHOSEN:
            chosen: dict[Any, int] = {}
            for check in checks_of(model):
                if not meets(row, check, _alias_of(model)):
                    chosen |= self._choose(row, check, pinned)
            if not pinned:
                _CHOSEN[model] = chosen
            return
        for field, number in _CHOSEN[model].items():
            setattr(row, field.attname, self._options(row, field)[number])

    def _choose(self, row: Any, check: Check, pinned: set[str]) -> dict[Any, int]:
        """Set values that meet a constraint, and those that are met; return their numbers."""
        model = type(row)
        held = [each for each in checks_of(model) if meets(row, each, _alias_of(model))]
        fields = [
            field
            for field in fields_in(check)
            if field.attname not in pinned and _key_of(field) not in SAMPLES
        ]
        options = {field: self._options(row, field) for field in fields}
        tries = product(*(range(len(options[field])) for field in fields))
        for numbers in islice(tries, MOST_TRIES):
            chosen = dict(zip(fields, numbers, strict=True))
            for field, number in chosen.items():
                setattr(row, field.attname, options[field][number])
            if all(meets(row, each, _alias_of(model)) for each in (check, *held)):
                return chosen
        what = f"The check constraint {check[1].name} of {model._meta.label}"
        raise NoSample(what, _key_of(fields_in(check)[0]))

    def _options(self, row: Any, field: Any) -> list[Any]:
        """Return the values of a field to choose from, always in the same order."""
        value = getattr(row, field.attname)
        if value is None:
            value = self._related(field) if field.remote_field else self._of_type(field)
            return [None, value, *others(field, value)]
        return [value, *others(field, value)]

    # Values that clients send

    def ids(self, route: Route) -> dict[str, Any]:
        """Return this tenant's values for the parameters of a path."""
        return {name: self._id(route, name) for name in route.parameters}

    def _id(self, route: Route, name: str) -> Any:
        key = f"{route} {name}"
        if key in SAMPLES:
            return SAMPLES[key](self)
        model = route.model_of(name)
        if model is None:
            raise NoSample(f"<{name}> in the path {route}", key)
        return self.row(model).pk if is_of_tenant(model) else unknown_id(model)

    def body(self, route: Route, method: str) -> dict[str, Any]:
        """Return a body that is valid for this tenant."""
        key = f"{method} {route}"
        if key in SAMPLES:
            return dict(SAMPLES[key](self))
        if key in UNTRIED:
            return {}
        serializer = route.serializer(method)
        with tenant_context(self.tenant):
            return {} if serializer is None else self.fields(serializer)

    def fields(self, serializer: Any) -> dict[str, Any]:
        """Return a value for each writable field of a serializer."""
        fields = dict(writable_fields(serializer))
        values = self._of_row(serializer, fields)
        return values | {
            name: self.input(field) for name, field in fields.items() if name not in values
        }

    def _of_row(self, serializer: Any, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the values of a new row where the model has a sample or a check constraint."""
        columns = {n: column for n, field in fields.items() if (column := _column_of(field))}
        if not columns:
            return {}
        model = serializer.Meta.model
        checked = {column for check in checks_of(model) for column in fields_in(check)}
        wanted = {
            name: column
            for name, column in columns.items()
            if (column in checked or _key_of(column) in SAMPLES)
            and key_of(fields[name]) not in SAMPLES
            and not isinstance(column, models.FileField | models.ForeignKey)
        }
        row = self.build(model) if wanted else None
        found = {name: getattr(row, column.attname) for name, column in wanted.items()}
        return {
            name: None if value is None else fields[name].to_representation(value)
            for name, value in found.items()
        }

    def input(self, field: Any) -> Any:
        """Return a valid value for a serializer's field."""
        key = key_of(field)
        if key in SAMPLES:
            return SAMPLES[key](self)
        if inner := inner_of(field):
            return [self.input(inner)]
        if isinstance(field, serializers.BaseSerializer):
            return self.fields(field)
        if target_of(field) is not None:
            return self.reference(field, further=is_once(_column_of(field)))
        return _first(FIELD_VALUES, field, key)(self, field)

    def reference(self, field: Any, *, further: bool = False) -> str:
        """Return a value that refers to this tenant's row, or to a new row."""
        if key_of(field) in SAMPLES:
            return str(SAMPLES[key_of(field)](self))
        model = target_of(field)
        if model is None:
            raise NoSample(f"The {type(field).__name__} {key_of(field)}", key_of(field))
        if further and model is get_user_model():
            return str(self._other_user(_column_of(field).model))
        row = self.make(model) if further else self.row(model)
        return str(getattr(row, getattr(field, "slug_field", "pk")))


class _LeaveOut(Exception):
    """A field must be omitted, since its value is set elsewhere."""


# Rows


def _key_of(field: Any) -> str:
    return f"{field.model._meta.label}.{field.name}"


def _has_default(field: Any) -> bool:
    return bool(field.has_default() or field.has_db_default())


def _alias_of(model: type[models.Model]) -> str:
    return DEFAULT_DB_ALIAS if is_tenant_model(model) else SHARED_DB


def _explain(row: Any, error: DatabaseError) -> NoSample:
    """Return a sentence about a row that PostgreSQL refuses, and the line that is missing."""
    details = getattr(error.__cause__, "diag", None)
    column = getattr(details, "column_name", None)
    name = next((each.name for each in columns_of(type(row)) if each.column == column), "<field>")
    label = type(row)._meta.label
    return NoSample(f"{label} (PostgreSQL says: {str(error).strip()})", f"{label}.{name}")


def make_user(own: Samples, **fields: Any) -> Any:
    """Return a new user without memberships."""
    users: Any = get_user_model()._default_manager
    return users.create_user(own.email(), PASSWORD, full_name=own.text(), **fields)


def _is_declared(target: type[models.Model], model: type[models.Model]) -> bool:
    """Return whether a model declares the other side of a generic relation."""
    declared = (each for each in target._meta.private_fields if isinstance(each, GenericRelation))
    return any(each.related_model is model for each in declared)


def _member_of_several(own: Samples) -> Any:
    """Return the user who is a member of both tenants, if there is one."""
    users: Any = get_user_model()._default_manager
    return (
        users.filter(memberships__tenant=own.tenant, email="both@example.test").first()
        or own.member
    )


def _verification_of(user: Any) -> str:
    """Return the token of the mail that verifies a user's address."""
    address, _ = EmailAddress.objects.get_or_create(user=user, email=user.email)
    return str(EmailConfirmationHMAC(address).key)


def _reset_of(user: Any) -> str:
    """Return the token of the mail by which a user sets a new password."""
    return f"{user.pk.hex}-{default_token_generator.make_token(user)}"


def _invitation_of(own: Samples) -> str:
    """Return the mailed token of an invitation for the tenant's owner."""
    token = own.text()
    invitation = own.build(Invitation)
    owner = own.tenant.memberships.filter(role="owner").first().user
    invitation.email, invitation.role, invitation.invited_by = owner.email, "member", owner
    invitation.token_hash = hash_of(token)
    # An address can have only one open invitation.
    Invitation.objects.for_tenant(own.tenant).filter(email=invitation.email).delete()
    invitation.save()
    return token


def _column_of(field: Any) -> Any:
    """Return the field of a tenant model that a serializer's field sets, or None."""
    model = getattr(getattr(field.parent, "Meta", None), "model", None)
    columns = model._meta.concrete_fields if model in tenant_models() else ()
    return next((column for column in columns if column.name == field.source), None)


# Values of serializers' fields


def writable_fields(serializer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the writable fields of a serializer."""
    for name, field in serializer.fields.items():
        if not field.read_only and not isinstance(field, serializers.HiddenField):
            yield name, field


def inner_of(field: Any) -> Any:
    """Return the child of a list field, or None for other fields."""
    if isinstance(field, serializers.ManyRelatedField):
        return field.child_relation
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        return field.child
    return None


def target_of(field: Any) -> type[models.Model] | None:
    """Return the model to which a field refers, or None if it is no relation."""
    if isinstance(field, serializers.RelatedField):
        return field.get_queryset().model  # type: ignore[union-attr]
    if isinstance(field, serializers.UUIDField):
        return model_called(_named(field).field_name.removesuffix("s"))
    return None


def key_of(field: Any) -> str:
    """Return the key of a field in `SAMPLES`."""
    named = _named(field)
    return f"{type(named.parent).__name__}.{named.field_name}"


def _named(field: Any) -> Any:
    """Return the named field: the field itself, or the list that contains it."""
    return field if field.field_name else _named(field.parent)


def _first(table: dict[Any, Any], field: Any, key: str) -> Any:
    found = find(table, field)
    if found is None:
        raise NoSample(f"The {type(field).__name__} {key}", key)
    return found


class Twins(Samples):
    """Rows with the same ids in every tenant; only for tenants with their own tables."""

    def __init__(self, own: Samples) -> None:
        super().__init__(own.tenant, "")
        self.canary, self.member = own.canary, own.member
        self.rows = {model: own.rows[model] for model in shared_models() if model in own.rows}

    def wanted(self) -> list[type[models.Model]]:
        """Return the models that can have twins."""
        return tenant_models()

    def build(self, model: type[models.Model], **pinned: Any) -> Any:
        """Return a new object of a model, with the same id as in the other tenants."""
        row = super().build(model, **pinned)
        keys = keys_of(model)
        if not any(key.remote_field and not is_parent_link(key) for key in keys):
            twin = [_twin_of(key, model) for key in keys]
            set_key(row, twin[0] if len(twin) == 1 else tuple(twin))
        return row


def _twin_of(key: Any, model: type[models.Model]) -> Any:
    while key.remote_field:
        key = key.target_field
    same = uuid5(UUID(int=0), model._meta.label)
    if isinstance(key, models.IntegerField):
        return 500 + same.int % 500
    return same.hex[: key.max_length] if isinstance(key, models.CharField) else same
