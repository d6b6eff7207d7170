"""Lists of pages, with the search, the filters and the order of the API's lists."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request

from apps.pages.forms import add_errors
from apps.pages.rendering import paginate

ORDER = "ordering"


class ListForm(forms.Form):
    """Controls above a list. The fields are named like the parameters of the API's list."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.GET, label_suffix="")

    @property
    def is_narrowed(self) -> bool:
        """True if the list may lack rows."""
        return any(self.data.get(name) for name in self.fields if name != ORDER)


def search_field() -> forms.CharField:
    """Return a field for the API's parameter ``search``."""
    return forms.CharField(required=False, widget=forms.SearchInput)


def list_rows(
    request: HttpRequest,
    form: ListForm,
    view_class: type[GenericAPIView[Any]],
    rows: QuerySet[Any] | None = None,
) -> dict[str, Any]:
    """Return a page of the rows that a view of the API would list, and the form as ``filters``.

    ``rows`` are the rows to filter, by default all of the view.
    """
    view = view_class(request=Request(request))
    found = filter_rows(form, view, view.get_queryset() if rows is None else rows)
    return {"filters": form, **paginate(request, found, view)}


def filter_rows(form: ListForm, view: GenericAPIView[Any], rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows that match the view's filters; none, and errors, if the form is invalid."""
    if form.is_valid():
        try:
            return view.filter_queryset(rows)
        except ValidationError as error:
            add_errors(form, error.detail)
    return rows.none()
