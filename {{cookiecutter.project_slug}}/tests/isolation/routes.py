"""Finds every route in the URLconfs, with its parameters, methods and serializer."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.apps import apps
from django.contrib.admindocs.views import simplify_regex
from django.db.models import Model
from django.forms import Form
from django.urls import URLPattern, get_resolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import build_mock_request, force_instance
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from tests.isolation.values import find

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
WRITES = ("POST", "PUT", "PATCH")
TENANT_URLCONF = "config.urls.tenant"
SHARED_URLCONF = "config.urls.shared"

OF_FORMS: dict[type[forms.Field], Callable[[Any], serializers.Field[Any, Any, Any, Any]]] = {
    forms.Field: lambda field: serializers.CharField(max_length=getattr(field, "max_length", None)),
    forms.BooleanField: lambda field: serializers.BooleanField(),
    forms.ChoiceField: lambda field: serializers.ChoiceField(choices=field.choices),
    forms.MultipleChoiceField: lambda field: serializers.MultipleChoiceField(choices=field.choices),
    forms.DateField: lambda field: serializers.DateField(),
    forms.DateTimeField: lambda field: serializers.DateTimeField(),
    forms.DecimalField: lambda field: serializers.DecimalField(None, None),
    forms.DurationField: lambda field: serializers.DurationField(),
    forms.EmailField: lambda field: serializers.EmailField(),
    forms.FileField: lambda field: serializers.FileField(),
    forms.FloatField: lambda field: serializers.FloatField(),
    forms.GenericIPAddressField: lambda field: serializers.IPAddressField(),
    forms.ImageField: lambda field: serializers.ImageField(),
    forms.IntegerField: lambda field: serializers.IntegerField(),
    forms.JSONField: lambda field: serializers.JSONField(),
    forms.TimeField: lambda field: serializers.TimeField(),
    forms.URLField: lambda field: serializers.URLField(),
    forms.UUIDField: lambda field: serializers.UUIDField(required=field.required),
}

_PARAMETER = re.compile(r"<(?:[^>:]+:)?(\w+)>")
_GENERATOR = SchemaGenerator()  # views hold only a weak reference
_ID_SUFFIXES = ("_id", "_pk", "")


@dataclass(frozen=True)
class Route:
    """One line of a URLconf."""

    path: str
    callback: Any
    app_name: str
    only_on_shared_host: bool

    def __str__(self) -> str:
        if self.only_on_shared_host and not (self.is_of_api or self.is_of_admin):
            return f"localhost{self.path}"
        return self.path.removeprefix("/api/v1/") or "/"

    @property
    def parameters(self) -> list[str]:
        """Return the names of the parameters in the path."""
        return _PARAMETER.findall(self.path)

    def url(self, values: dict[str, Any]) -> str:
        """Return the path with values in it."""
        return _PARAMETER.sub(lambda match: str(values[match[1]]), self.path)

    @property
    def is_of_api(self) -> bool:
        """True for a view of Django REST framework."""
        return issubclass(getattr(self.callback, "cls", object), APIView)

    @property
    def is_page(self) -> bool:
        """True for a page of one of our apps."""
        is_other = self.is_of_api or self.is_of_admin
        _, app, *_ = self.callback.__module__.split(".")
        is_ours = self.callback.__module__.startswith("apps.") and app != "observability"
        return is_ours and not is_other

    @property
    def is_members_page(self) -> bool:
        """True for a page that requires a role."""
        return hasattr(self.callback, "read_role")

    @property
    def is_of_admin(self) -> bool:
        """True for the platform's admin, which accepts no tokens."""
        return self.app_name == "admin"

    @property
    def is_public(self) -> bool:
        """True if the route needs no log-in."""
        if not self.is_of_api:
            return not (self.is_of_admin or self.is_members_page)
        permissions = self.callback.initkwargs.get("permission_classes")
        permissions = permissions or self.callback.cls.permission_classes
        return all(issubclass(each, AllowAny) for each in permissions)

    @property
    def methods(self) -> list[str]:
        """Return the methods of the route, in capitals, without HEAD and OPTIONS."""
        if not self.is_of_api:
            return _methods_of_page(self.callback)
        cls = self.callback.cls
        actions = getattr(self.callback, "actions", None) or dir(cls)
        names = set(actions) & set(cls.http_method_names) - {"head", "options"}
        return [method for method in METHODS if method.lower() in names]

    def view(self, method: str) -> Any:
        """Return an instance of the view, prepared for ``method``."""
        view: Any = _GENERATOR.create_view(self.callback, method)
        view.request = build_mock_request(method, self.path, view, None)
        return view

    def serializer(self, method: str) -> BaseSerializer[Any] | None:
        """Return the serializer of the body, or None without a body."""
        if method not in WRITES:
            return None
        if not self.is_of_api:
            return _serializer_of_page(self.callback)
        view = self.view(method)
        view.schema.method, view.schema.path = method, self.path
        serializer = force_instance(view.schema.get_request_serializer())
        return serializer if isinstance(serializer, BaseSerializer) else None

    def model_of(self, parameter: str) -> type[Model] | None:
        """Return the model whose id a parameter of the path is, or None if it is unknown.

        ``<pk>`` is of the view's model; ``<project_pk>`` and ``<project_id>`` are of `Project`.
        """
        admin = getattr(self.callback, "model_admin", None)
        if admin is not None and parameter == "object_id":
            return admin.model  # type: ignore[no-any-return]
        cls = getattr(self.callback, "cls", None)
        if cls is not None and parameter in {"pk", "id", _lookup_of(cls)}:
            return _model_of_view(cls)
        return model_called(parameter)


def routes() -> list[Route]:
    """Return the routes of both URLconfs, without duplicates.

    If a URLconf has a path twice, Django uses the first one.
    """
    walked = _walk(get_resolver(TENANT_URLCONF).url_patterns)
    of_tenants = list({route[0]: route for route in reversed(list(walked))}.values())[::-1]
    shared = [
        each for each in _walk(get_resolver(SHARED_URLCONF).url_patterns) if each not in of_tenants
    ]
    return [
        Route(path, callback, app_name, only_on_shared_host=is_shared)
        for some, is_shared in ((of_tenants, False), (shared, True))
        for path, callback, app_name in some
    ]


def model_called(name: str) -> type[Model] | None:
    """Return the project's model for a name such as ``project_id`` or ``project_pk``."""
    for suffix in _ID_SUFFIXES:
        wanted = name.removesuffix(suffix).replace("_", "")
        found = [
            model
            for model in apps.get_models()
            if model._meta.model_name == wanted and model.__module__.startswith("apps.")
        ]
        if len(found) == 1:
            return found[0]
    return None


def _lookup_of(cls: Any) -> Any:
    return getattr(cls, "lookup_url_kwarg", None) or getattr(cls, "lookup_field", "pk")


def _model_of_view(cls: Any) -> type[Model] | None:
    queryset = getattr(cls, "queryset", None)
    if queryset is not None:
        return queryset.model  # type: ignore[no-any-return]
    meta = getattr(getattr(cls, "serializer_class", None), "Meta", None)
    return getattr(meta, "model", None)


def _methods_of_page(callback: Any) -> list[str]:
    """Return the methods that Django's decorator allows; it does not expose them."""
    while callback is not None:
        known = inspect.getclosurevars(callback).nonlocals.get("request_method_list")
        if known:
            return [method for method in METHODS if method in known and method != "HEAD"]
        callback = getattr(callback, "__wrapped__", None)
    return ["GET"]


def _serializer_of_page(callback: Any) -> BaseSerializer[Any] | None:
    """Return a serializer that corresponds to the form of a page."""
    view = inspect.unwrap(callback)
    modules = [each for each in view.__globals__.values() if inspect.ismodule(each)]
    named = [getattr(each, name, None) for each in modules for name in view.__code__.co_names]
    named += [view.__globals__.get(name) for name in view.__code__.co_names]
    named += inspect.getclosurevars(view).nonlocals.values()
    form = next((each for each in named if isinstance(each, type) and issubclass(each, Form)), None)
    if form is None:
        return None
    model = model_called(form.__name__.removesuffix("Form").lower())
    return serializer_of_form(form, model)


def serializer_of_form(form: type[Form], model: type[Model] | None) -> BaseSerializer[Any]:
    """Return a serializer whose fields take the same values as those of a form."""
    body: dict[str, Any] = {"Meta": type("Meta", (), {"model": model})}
    body |= {name: _as_of_serializer(field) for name, field in form.base_fields.items()}
    described: BaseSerializer[Any] = type(form.__name__, (serializers.Serializer,), body)()
    return described


def _as_of_serializer(field: Any) -> serializers.Field[Any, Any, Any, Any]:
    """Return the serializer's field that takes the same values as a form's field."""
    if getattr(field, "coerce", None) is UUID:
        return serializers.UUIDField(required=field.required)
    make: Any = find(OF_FORMS, field)
    return make(field)  # type: ignore[no-any-return]


def _walk(patterns: Iterable[Any], prefix: str = "", app_name: str = "") -> Iterator[Any]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield simplify_regex(path), pattern.callback, app_name
        else:
            yield from _walk(pattern.url_patterns, path, pattern.app_name or app_name)
