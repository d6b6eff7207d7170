"""Generates rows, bodies and ids for every model, serializer and route from their declarations.

Values that a declaration does not determine have a line in `SAMPLES`. If such a line is missing,
the suite fails with a sentence that names it.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DEFAULT_DB_ALIAS, Error, models, transaction
from rest_framework import serializers

from apps.isolation import tenant_context
from apps.isolation.app_registry import SHARED_DB, is_tenant_model
from apps.isolation.models import TenantModel
from apps.isolation.testing import api_client, make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.invitations import hash_of
from apps.memberships.models import Invitation, Membership
from apps.pages.shared_views import preparation_token
from apps.tenants.settings import TenantSettings
from tests.isolation.routes import Route, model_called

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
    "localhost/password-reset/<str:token>/ token": lambda own: _reset_of(own.member),
    "localhost/signup/<str:token>/ token": lambda own: preparation_token(own.tenant),
    "localhost/verify-email/<str:token>/ token": lambda own: _verification_of(own.member),
    "GET localhost/tls/allowed": lambda own: {"domain": f"{own.tenant.slug}.localhost"},
    "authentication.Session.session_key": lambda own: uuid4().hex,
    "privacy.PrivacyRequest.status": lambda own: "done",
    "tasks.TaskRun.job": lambda own: uuid4().int >> 65,
    "privacy.PrivacyRequest.completed_at": lambda own: datetime.now(UTC),
    "audit.AuditEvent.changes": lambda own: {"name": {"before": "", "after": own.text()}},
    "POST /login/": lambda own: {"email": own.member.email, "password": PASSWORD},
    "POST /profile/password/": lambda own: {
        "current_password": PASSWORD,
        "new_password": f"{PASSWORD}, again",
    },
    "POST /settings/archive/": lambda own: {"current_password": PASSWORD},
    "POST tenant/archive/": lambda own: {"current_password": PASSWORD},
    "POST /settings/": lambda own: {
        **TenantSettings(own.tenant).all(),
        "name": own.text(),
        "brand_name": own.text(),
    },
    "PATCH tenant/": lambda own: {"name": own.text(), "settings": {"brand_name": own.text()}},
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


class NoSample(Exception):
    """No valid values for a route, a model or a serializer are known."""

    def __init__(self, what: str, key: str) -> None:
        super().__init__(
            f"{what} cannot be tried out by itself. Add a line to SAMPLES in "
            f'tests/isolation/samples.py: "{key}": lambda own: ...'
        )


class Samples:
    """A tenant with a member, a row of every model of tenants, and values for more.

    Every text names its tenant: ``CANARY-A-`` and a unique suffix.
    """

    tenant: Any
    member: Any

    def __init__(self, tenant: Any, letter: str) -> None:
        self.tenant = tenant
        self.canary = f"CANARY-{letter}-"
        self.rows: dict[type[models.Model], Any] = {}
        self.missing: dict[type[models.Model], Exception] = {}
        self.member = make_member(tenant, "member", self.email()).user
        self.member.full_name = self.text()
        self.member.save()

    def text(self, limit: int | None = None) -> str:
        """Return a unique text."""
        return f"{self.canary}{uuid4().hex}"[:limit]

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
            except (NoSample, Error, ValueError) as error:
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

    def make(self, model: type[models.Model]) -> Any:
        """Insert another row of a model."""
        alias = DEFAULT_DB_ALIAS if is_tenant_model(model) else SHARED_DB
        with tenant_context(self.tenant), transaction.atomic(using=alias):
            row = self.build(model)
            row.save()
        return row

    def build(self, model: type[models.Model]) -> Any:
        """Return a new object of a model, with values in all texts and relations."""
        values: dict[str, Any] = {}
        for field in model._meta.concrete_fields:
            with suppress(_LeaveOut):
                values[field.attname] = self._value(field)
        for generic in model._meta.private_fields:
            if isinstance(generic, GenericForeignKey):
                values |= self._generic(model, generic)
        return model(**values)

    def _value(self, field: Any) -> Any:
        key = f"{field.model._meta.label}.{field.name}"
        if key in SAMPLES:
            return SAMPLES[key](self)
        if field.primary_key or field.generated or getattr(field, "references_own_tenant", False):
            raise _LeaveOut
        if field.attname == "tenant_id":
            return self.tenant.pk
        if field.remote_field:
            return self._related(field)
        if field.choices:
            return field.get_default() if field.has_default() else field.choices[0][0]
        if not isinstance(field, _SHOWING) and (field.null or field.has_default()):
            raise _LeaveOut
        return _first(MODEL_VALUES, field, key)(self, field)

    def _related(self, field: Any) -> Any:
        target = field.related_model
        if target is ContentType or (target is field.model and field.null):
            raise _LeaveOut  # the generic relation sets the content type
        if _is_once(field) and target is get_user_model():
            return make_user(self).pk
        is_further = _is_once(field) and field.model in self.rows
        row = self.make(target) if is_further else self.row(target)
        return getattr(row, field.target_field.attname)

    def _generic(self, model: type[models.Model], generic: GenericForeignKey) -> dict[str, Any]:
        target = next(other for other in tenant_models() if other is not model)
        content_type = ContentType.objects.get_for_model(target)
        return {f"{generic.ct_field}_id": content_type.pk, generic.fk_field: self.row(target).pk}

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
        return {name: self.input(field) for name, field in writable_fields(serializer)}

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
            return self.reference(field, further=_is_once(_column_of(field)))
        return _first(FIELD_VALUES, field, key)(self, field)

    def reference(self, field: Any, *, further: bool = False) -> str:
        """Return a value that refers to this tenant's row, or to a new row."""
        if key_of(field) in SAMPLES:
            return str(SAMPLES[key_of(field)](self))
        model = target_of(field)
        if model is None:
            raise NoSample(f"The {type(field).__name__} {key_of(field)}", key_of(field))
        row = self.make(model) if further else self.row(model)
        return str(getattr(row, getattr(field, "slug_field", "pk")))


class _LeaveOut(Exception):
    """A field must be omitted, since its value is set elsewhere."""


# Models


def tenant_models() -> list[type[models.Model]]:
    """Return the tenant models."""
    return [model for model in apps.get_models() if issubclass(model, TenantModel)]


def shared_models() -> list[type[models.Model]]:
    """Return the shared models with a foreign key to the tenant."""
    return [
        model
        for model in apps.get_models()
        if not is_tenant_model(model)
        and any(field.attname == "tenant_id" for field in model._meta.concrete_fields)
    ]


def models_of_tenants() -> list[type[models.Model]]:
    """Return all models with rows of tenants."""
    return [*tenant_models(), *shared_models()]


def label(model: type[models.Model]) -> str:
    """Return the label of a model."""
    return model._meta.label


def is_of_tenant(model: type[models.Model]) -> bool:
    """Return whether rows of a model belong to a tenant, also tenants and users themselves."""
    return model in {*models_of_tenants(), get_user_model(), apps.get_model("tenants.Tenant")}


def unknown_id(model: type[models.Model] | None = None) -> Any:
    """Return an id of the right type that no row has."""
    is_number = model is not None and isinstance(model._meta.pk, models.IntegerField)
    return 2_000_000_000 + uuid4().int % 100_000_000 if is_number else uuid4()


def make_user(own: Samples, **fields: Any) -> Any:
    """Return a new user without memberships."""
    users: Any = get_user_model()._default_manager
    return users.create_user(own.email(), PASSWORD, full_name=own.text(), **fields)


def uniques_of(model: type[models.Model]) -> list[list[Any]]:
    """Return the sets of fields that are unique together within a tenant."""
    return [
        [model._meta.get_field(name) for name in constraint.fields]
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint) and "id" not in constraint.fields
    ]


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


def _is_once(field: Any) -> bool:
    """Return whether a relation needs a new row, since its pair must be unique."""
    return field is not None and any(
        field in fields and all(each.is_relation for each in fields)
        for fields in uniques_of(field.model)
    )


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


# Values by type of field, or by a base class.

_GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
_SHOWING = (models.CharField, models.TextField, models.JSONField, models.FileField)
DAY = date(2030, 1, 2)
MOMENT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

type Value = Callable[[Samples, Any], Any]

MODEL_VALUES: dict[type[models.Field[Any, Any]], Value] = {
    models.CharField: lambda own, field: own.text(field.max_length),
    models.TextField: lambda own, field: own.text(),
    models.EmailField: lambda own, field: own.email(),
    models.URLField: lambda own, field: f"https://example.test/{own.text()}",
    models.JSONField: lambda own, field: {"text": own.text()},
    models.BinaryField: lambda own, field: own.text().encode(),
    models.ImageField: lambda own, field: ContentFile(_GIF + own.text().encode(), "sample.gif"),
    models.FileField: lambda own, field: ContentFile(own.text().encode(), f"{own.text()}.txt"),
    models.BooleanField: lambda own, field: True,
    models.IntegerField: lambda own, field: 1,
    models.FloatField: lambda own, field: 1.5,
    models.DecimalField: lambda own, field: 1,
    models.DateField: lambda own, field: DAY,
    models.DateTimeField: lambda own, field: MOMENT,
    models.TimeField: lambda own, field: time(3, 4, 5),
    models.DurationField: lambda own, field: timedelta(hours=1),
    models.UUIDField: lambda own, field: uuid4(),
    models.GenericIPAddressField: lambda own, field: "192.0.2.1",
}

FIELD_VALUES: dict[type[serializers.Field[Any, Any, Any, Any]], Value] = {
    serializers.CharField: lambda own, field: own.text(field.max_length),
    serializers.EmailField: lambda own, field: own.email(),
    serializers.URLField: lambda own, field: f"https://example.test/{own.text()}",
    serializers.IPAddressField: lambda own, field: "192.0.2.1",
    serializers.JSONField: lambda own, field: {"text": own.text()},
    serializers.DictField: lambda own, field: {},
    serializers.ImageField: lambda own, field: SimpleUploadedFile("sample.gif", _GIF),
    serializers.FileField: lambda own, field: SimpleUploadedFile("x.txt", own.text().encode()),
    serializers.ChoiceField: lambda own, field: next(iter(field.choices)),
    serializers.MultipleChoiceField: lambda own, field: [next(iter(field.choices))],
    serializers.BooleanField: lambda own, field: True,
    serializers.IntegerField: lambda own, field: 1,
    serializers.FloatField: lambda own, field: 1.5,
    serializers.DecimalField: lambda own, field: "1",
    serializers.DateField: lambda own, field: DAY.isoformat(),
    serializers.DateTimeField: lambda own, field: MOMENT.isoformat(),
    serializers.TimeField: lambda own, field: "03:04:05",
    serializers.DurationField: lambda own, field: "01:00:00",
}


def _first(table: dict[Any, Value], field: Any, key: str) -> Value:
    for cls in type(field).__mro__:
        if cls in table:
            return table[cls]
    raise NoSample(f"The {type(field).__name__} {key}", key)


class Twins(Samples):
    """Rows with the same ids in every tenant; only for tenants with their own tables."""

    def __init__(self, own: Samples) -> None:  # without the base class, which creates a member
        self.tenant, self.canary, self.member = own.tenant, own.canary, own.member
        self.missing = {}
        self.rows = {model: own.rows[model] for model in shared_models() if model in own.rows}

    def wanted(self) -> list[type[models.Model]]:
        """Return the models that can have twins."""
        return tenant_models()

    def build(self, model: type[models.Model]) -> Any:
        """Return a new object of a model, with the same id as in the other tenants."""
        row = super().build(model)
        row.pk = uuid5(UUID(int=0), model._meta.label)
        return row
