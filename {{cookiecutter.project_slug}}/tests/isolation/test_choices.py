"""Choices of users in forms, serializers and filters contain the tenant's members only."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.forms import modelform_factory
from django_filters.rest_framework.filterset import FilterSet
from rest_framework import serializers

from apps.isolation import NoTenantError, tenant_context
from apps.isolation.managers import TenantRequired
from apps.isolation.testing import make_member
from tests.isolation.conftest import Side
from tests.sample.models import Book

# Created on import, without an active tenant.
BookForm = modelform_factory(Book, fields=["reader"])


class BookSerializer(serializers.ModelSerializer[Book]):
    """An ordinary serializer, without code for tenants."""

    class Meta:
        model = Book
        fields = ["reader"]


class BookFilter(FilterSet):
    """An ordinary filter, without code for tenants."""

    class Meta:
        model = Book
        fields = ["reader"]


def _stranger(sides: tuple[Side, Side]) -> Any:
    return make_member(sides[1].tenant, "viewer").user


def _former_member(sides: tuple[Side, Side]) -> Any:
    membership = make_member(sides[0].tenant, "viewer")
    type(membership).platform.filter(pk=membership.pk).update(is_active=False)
    return membership.user


def _who_was_removed_here_and_is_a_member_there(sides: tuple[Side, Side]) -> Any:
    user = _former_member(sides)
    make_member(sides[1].tenant, "owner", user.email)
    return user


def _nobodys_user(sides: tuple[Side, Side]) -> Any:
    return get_user_model()._default_manager.create_user("nobody@example.test", "x")


others = pytest.mark.parametrize(
    "other",
    [
        _stranger,
        _former_member,
        _who_was_removed_here_and_is_a_member_there,
        _nobodys_user,
    ],
)
type Other = Callable[[tuple[Side, Side]], Any]


def _member(sides: tuple[Side, Side]) -> Any:
    return make_member(sides[0].tenant, "admin").user


@others
def test_ct03_form_offers_and_accepts_members_only(other: Other, sides: tuple[Side, Side]) -> None:
    us, them = _member(sides), other(sides)
    with tenant_context(sides[0].tenant):
        offered = BookForm().fields["reader"].queryset  # type: ignore[attr-defined]
        assert us in offered
        assert them not in offered
        assert them.email not in str(BookForm())
        assert BookForm({"reader": us.pk}).is_valid()
        form = BookForm({"reader": them.pk})
        assert not form.is_valid()
        assert form.errors.as_data()["reader"][0].code == "invalid_choice"


@others
def test_ct03_serializer_accepts_members_only(other: Other, sides: tuple[Side, Side]) -> None:
    us, them = _member(sides), other(sides)
    with tenant_context(sides[0].tenant):
        assert BookSerializer(data={"reader": us.pk}).is_valid()
        serializer = BookSerializer(data={"reader": them.pk})
        assert not serializer.is_valid()
        assert serializer.errors["reader"][0].code == "does_not_exist"


@others
def test_ct03_filter_accepts_members_only(other: Other, sides: tuple[Side, Side]) -> None:
    us, them = _member(sides), other(sides)
    with tenant_context(sides[0].tenant):
        for user, taken in ((us, True), (them, False)):
            chosen: Any = BookFilter({"reader": user.pk}, Book.objects.all())  # type: ignore[no-untyped-call]
            assert chosen.is_valid() is taken


@others
def test_ct03_full_clean_accepts_members_only(other: Other, sides: tuple[Side, Side]) -> None:
    us, them = _member(sides), other(sides)
    with tenant_context(sides[0].tenant):
        book = Book(shelf=sides[0].shelf, title="t", reader=us)
        book.full_clean()
        book.reader = them
        with pytest.raises(ValidationError, match="reader"):
            book.full_clean()


def test_ct04_no_user_is_offered_without_a_tenant(sides: tuple[Side, Side]) -> None:
    us = _member(sides)
    with pytest.raises(NoTenantError):
        str(BookForm())
    with pytest.raises(NoTenantError):
        BookSerializer(data={"reader": us.pk}).is_valid()


@pytest.mark.parametrize("name", ["memberships", "invited_memberships", "sent_invitations"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda rows: list(rows.all()),
        lambda rows: rows.count(),
        lambda rows: rows.first(),
        lambda rows: list(rows.filter(role="owner")),
        lambda rows: rows.exists(),
        lambda rows: list(get_user_model()._default_manager.prefetch_related(rows.name)),
    ],
    ids=["all", "count", "first", "filter", "exists", "prefetch"],
)
def test_ct17_related_rows_of_a_user_need_a_tenant(
    name: str, ask: Callable[[Any], Any], sides: tuple[Side, Side]
) -> None:
    us = _member(sides)
    rows = getattr(us, name)
    rows.name = name
    with pytest.raises(TenantRequired, match=r"for_tenant\(tenant\)"):
        ask(rows)


def test_ct17_related_rows_of_a_user_in_a_tenant(sides: tuple[Side, Side]) -> None:
    ours, theirs = sides
    us = _member(sides)
    make_member(theirs.tenant, "viewer", us.email)
    colleague: Any = get_user_model()._default_manager.get(pk=us.pk)
    assert [each.role for each in colleague.memberships.for_tenant(ours.tenant)] == ["admin"]
    assert [each.role for each in colleague.memberships.for_tenant(theirs.tenant.pk)] == ["viewer"]
    with pytest.raises(TenantRequired):
        colleague.memberships.for_tenant(None)
    assert us.pk in ours.tenant.memberships.values_list("user_id", flat=True)
