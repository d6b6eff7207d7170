"""Foreign keys between a tenant's rows are checked at COMMIT, as in any Django project."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction

from apps.isolation import tenant_context
from apps.isolation.fields import new_id
from apps.isolation.testing import check_keys_at_once
from apps.tenants.models import Tenant
from tests.sample.models import Book, Label, Labelling, Shelf

pytestmark = pytest.mark.django_db(transaction=True)


def _shelf() -> Shelf:
    return Shelf.objects.create(name="any")


def test_large_tree_is_deleted(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django deletes in batches of a hundred rows, the newest first."""
    key = Book._meta.get_field("original").remote_field
    monkeypatch.setattr(key, "on_delete", models.CASCADE)
    with tenant_context(acme):
        shelf = _shelf()
        books = [Book(shelf=shelf, title=str(number)) for number in range(150)]
        Book.objects.bulk_create(books)
        newest = Book.objects.create(shelf=shelf, title="newest")
        Book.objects.exclude(pk=newest.pk).update(original=newest)
        newest.delete()
        assert not Book.objects.exists()


def _child_first() -> None:
    shelf = Shelf(name="any")
    Book.objects.create(shelf_id=shelf.pk, title="first")
    shelf.save()


def _each_other() -> None:
    one, other = new_id(), new_id()
    shelf = _shelf()
    Book.objects.create(pk=one, original_id=other, shelf=shelf, title="one")
    Book.objects.create(pk=other, original_id=one, shelf=shelf, title="other")


def _many_to_many_first() -> None:
    book, label = Book(shelf=_shelf(), title="any"), Label(word="any")
    Labelling.objects.create(book_id=book.pk, label_id=label.pk)
    book.save()
    label.save()


def _parent_replaced() -> None:
    book = Book.objects.create(shelf=_shelf(), title="any")
    Shelf.objects.filter(pk=book.shelf_id)._raw_delete(using=Shelf.objects.db)
    Shelf.objects.create(pk=book.shelf_id, name="another")


@pytest.mark.parametrize("work", [_child_first, _each_other, _many_to_many_first, _parent_replaced])
def test_row_may_be_inserted_before_its_related_row(work: Callable[[], None], acme: Tenant) -> None:
    with tenant_context(acme):
        with transaction.atomic():
            work()
        for book in Book.objects.select_related("shelf"):
            assert book.shelf.name


def test_missing_related_row_fails_at_commit(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(globex):
        foreign = _shelf()
    with tenant_context(acme):
        for shelf_id in (new_id(), foreign.pk):
            with pytest.raises(IntegrityError), transaction.atomic():
                Book.objects.create(shelf_id=shelf_id, title="lost")
        assert not Book.objects.exists()


def test_keys_can_be_checked_immediately(acme: Tenant) -> None:
    with tenant_context(acme), transaction.atomic():
        check_keys_at_once()
        with pytest.raises(IntegrityError), transaction.atomic():
            Book.objects.create(shelf_id=new_id(), title="lost")


def test_referenced_row_cannot_be_deleted(acme: Tenant) -> None:
    with tenant_context(acme):
        book: Any = Book.objects.create(shelf=_shelf(), title="any")
        with pytest.raises(IntegrityError), transaction.atomic():
            Shelf.objects.filter(pk=book.shelf_id)._raw_delete(using=Shelf.objects.db)
