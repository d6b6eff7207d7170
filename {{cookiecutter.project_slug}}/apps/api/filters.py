"""Filters of lists."""

from rest_framework import filters
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView


class SearchFilter(filters.SearchFilter):
    """``search``: a few words. An invalid value gets the error of any other field.

    Each word is searched in every field of every row, so both limits bound the cost of a list.
    """

    max_length = 100
    max_terms = 8

    def get_search_terms(self, request: Request) -> list[str]:
        """Return the search words; raise ValidationError for too many."""
        text = request.query_params.get(self.search_param, "")
        if len(text) > self.max_length:
            raise self._error(f"Ensure this has no more than {self.max_length} characters.")
        try:
            terms = super().get_search_terms(request)
        except ValidationError as error:
            raise ValidationError({self.search_param: error.detail}) from error
        if len(terms) > self.max_terms:
            raise self._error(f"Ensure this has no more than {self.max_terms} words.")
        return terms

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, object]]:
        """Describe the parameter with its limit."""
        described = super().get_schema_operation_parameters(view)
        for parameter in described:
            parameter["schema"]["maxLength"] = self.max_length
        return described

    def _error(self, message: str) -> ValidationError:
        return ValidationError({self.search_param: [message]}, "max_length")
