"""Rows are generated from declarations; where that fails, the missing line is named."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.core.validators import (
    FileExtensionValidator,
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
)
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from rest_framework import serializers

from apps.isolation import tenant_context
from apps.isolation.models import TenantModel, tenant_unique
from tests.isolation.declarations import is_in_series, is_once, uniques_of, unknown_id
from tests.isolation.routes import serializer_of_form
from tests.isolation.samples import SAMPLES, NoSample, Samples
from tests.sample.models import Book, Label, Shelf


def _model(name: str, *constraints: Any, **fields: Any) -> Any:
    """Define a model of the sample app."""
    body = {"app_label": "sample", "constraints": constraints}
    meta = type("Meta", (), body)
    return type(name, (TenantModel,), {"__module__": __name__, "Meta": meta, **fields})


def _key(to: Any, **options: Any) -> Any:
    return models.ForeignKey(to, models.CASCADE, related_name="+", **options)


def _check(condition: Any) -> CheckConstraint:
    return CheckConstraint(condition=condition, name="sample_check")


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Remove the models of the test."""
    models_of_app = apps.all_models["sample"]
    before = {*models_of_app}
    yield
    for name in {*models_of_app} - before:
        del models_of_app[name]
    apps.clear_cache()


@pytest.fixture
def own(acme: Any) -> Samples:
    return Samples(acme, "A")


def _build(own: Samples, model: Any) -> Any:
    with tenant_context(own.tenant):
        return own.build(model)


def test_check_constraints_are_met(own: Samples) -> None:
    visit = _model(
        "Visit",
        _check(Q(ends_at__gt=F("starts_at"))),
        CheckConstraint(condition=Q(price__gte=F("paid") * 2, paid__gt=0), name="sample_paid"),
        ends_at=models.DateTimeField(),
        starts_at=models.DateTimeField(),
        price=models.DecimalField(max_digits=6, decimal_places=2),
        paid=models.DecimalField(max_digits=6, decimal_places=2),
    )
    for _ in range(2):
        row = _build(own, visit)
        assert row.ends_at > row.starts_at
        assert row.price >= row.paid * 2 > 0


def test_bodies_meet_check_constraints_and_contain_the_models_samples(
    own: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = _model(
        "Visit",
        _check(Q(ends_at__gt=F("starts_at"))),
        ends_at=models.DateTimeField(),
        starts_at=models.DateTimeField(),
        code=models.CharField(max_length=9, validators=[RegexValidator("^[A-Z]{3}$")]),
    )
    meta = type("Meta", (), {"model": visit, "fields": ["ends_at", "starts_at", "code"]})
    visits = type("VisitSerializer", (serializers.ModelSerializer,), {"Meta": meta})
    monkeypatch.setitem(SAMPLES, "sample.Visit.code", lambda own: "ABC")
    with tenant_context(own.tenant):
        body = own.fields(visits())
        assert visits(data=body).is_valid()
    assert body["code"] == "ABC"
    assert datetime.fromisoformat(body["ends_at"]) > datetime.fromisoformat(body["starts_at"])


def test_one_of_two_relations_is_chosen(own: Samples) -> None:
    either = Q(shelf__isnull=True, label__isnull=False) | Q(shelf__isnull=False, label__isnull=True)
    invoice = _model(
        "Invoice",
        _check(either),
        shelf=_key(Shelf, null=True),
        label=_key(Label, null=True),
    )
    row = _build(own, invoice)
    assert (row.shelf_id is None) != (row.label_id is None)
    with tenant_context(own.tenant):
        pinned = own.build(invoice, label_id=own.row(Label).pk)
    assert (pinned.shelf_id, pinned.label_id) == (None, own.row(Label).pk)


def test_validators_are_met(own: Samples) -> None:
    strict = _model(
        "Strict",
        stars=models.IntegerField(validators=[MinValueValidator(3), MaxValueValidator(5)]),
        share=models.DecimalField(
            max_digits=4, decimal_places=3, validators=[MaxValueValidator(0.9)]
        ),
        file=models.FileField(validators=[FileExtensionValidator(["pdf"])]),
    )
    row = _build(own, strict)
    with tenant_context(own.tenant):
        row.clean_fields()
    assert 3 <= row.stars <= 5


def test_unique_values_differ(own: Samples) -> None:
    box = _model(
        "Box",
        tenant_unique("number", name="sample_number"),
        tenant_unique("shelf", name="sample_shelf"),
        UniqueConstraint(fields=["label"], condition=Q(number=1), name="sample_label"),
        number=models.IntegerField(),
        word=models.CharField(max_length=8, unique=True),
        shelf=_key(Shelf),
        label=_key(Label),
        book=_key(Book),
    )
    field = box._meta.get_field
    assert [is_once(field(name)) for name in ("shelf", "label", "book")] == [True, True, False]
    assert is_in_series(field("number"))
    assert {tuple(each.name for each in fields) for fields in uniques_of(box)} == {
        ("number",),
        ("shelf",),
        ("word",),
    }
    rows = [_build(own, box) for _ in range(5)]
    for name in ("number", "word"):
        assert len({getattr(row, name) for row in rows}) == 5


def test_circle_of_keys_begins_where_one_may_be_null(own: Samples) -> None:
    egg = _model("Egg", hen=_key("sample.Hen", null=True))
    hen = _model("Hen", egg=_key("sample.Egg"))
    assert _build(own, egg).hen_id is None
    _model("Ant", bee=_key("sample.Bee"))
    bee = _model("Bee", ant=_key("sample.Ant"))
    with pytest.raises(NoSample, match=re.escape('"sample.Ant.bee": lambda own: ...')):
        _build(own, bee)
    assert hen._meta.get_field("egg").related_model is egg


def test_keys_of_every_type_have_unknown_values() -> None:
    number = _model("Number", id=models.BigAutoField(primary_key=True))
    word = _model("Word", id=None, code=models.CharField(max_length=9, primary_key=True))
    child = _model(
        "Child",
        id=None,
        to=models.OneToOneField(word, models.CASCADE, primary_key=True, related_name="+"),
    )
    pair = _model(
        "Pair",
        id=None,
        pk=models.CompositePrimaryKey("x", "day"),
        x=models.IntegerField(),
        day=models.DateField(),
    )
    assert isinstance(unknown_id(number), int)
    assert len(unknown_id(word)) == len(unknown_id(child)) == 9
    assert [type(value).__name__ for value in unknown_id(pair)] == ["int", "date"]


class _Strange(models.Field[Any, Any]):
    """A field of a type that the suite does not know."""


def test_missing_line_is_named(own: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure prints the line to add, and with the line the row is made."""
    pattern = models.CharField(max_length=50, validators=[RegexValidator("^[A-Z]{3}$")])
    code = _model("Code", code=pattern)
    never = _model("Never", _check(Q(text="never")), text=models.CharField(max_length=50))
    strange = _model("Strange", shape=_Strange())
    for model, key in (
        (code, "sample.Code.code"),
        (never, "sample.Never.text"),
        (strange, "sample.Strange.shape"),
    ):
        with pytest.raises(NoSample, match=re.escape(f'"{key}": lambda own: ...')):
            _build(own, model)
    monkeypatch.setitem(SAMPLES, "sample.Code.code", lambda own: "ABC")
    monkeypatch.setitem(SAMPLES, "sample.Never.text", lambda own: "never")
    assert _build(own, code).code == "ABC"
    assert _build(own, never).text == "never"


def test_what_only_postgresql_refuses_is_explained(
    own: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SAMPLES, "sample.Shelf.name", lambda own: "same")
    own.make(Shelf)
    with pytest.raises(NoSample, match=r"sample_shelf_name_unique") as caught:
        own.make(Shelf)
    assert '"sample.Shelf.<field>": lambda own: ...' in str(caught.value)


class EveryField(forms.Form):
    """A form with a field of each kind."""

    text = forms.CharField(max_length=30)
    flag = forms.BooleanField()
    one = forms.ChoiceField(choices=[("a", "A")])
    some = forms.MultipleChoiceField(choices=[("a", "A")])
    day = forms.DateField()
    moment = forms.DateTimeField()
    amount = forms.DecimalField(max_digits=5, decimal_places=2)
    duration = forms.DurationField()
    email = forms.EmailField()
    number = forms.IntegerField(min_value=1, max_value=1000)
    ratio = forms.FloatField()
    address = forms.GenericIPAddressField()
    at = forms.TimeField()
    link = forms.URLField(assume_scheme="https")


def test_forms_of_pages_need_no_sample(own: Samples) -> None:
    with tenant_context(own.tenant):
        body = own.fields(serializer_of_form(EveryField, None))
    form = EveryField(body)
    assert form.is_valid(), form.errors
