"""Requests whose headers Django cannot read: they are answered like others, by middleware."""

from typing import Any

from django.core.exceptions import BadRequest
from django.core.handlers import asgi, wsgi


class _UnreadableTypeMixin:
    """Takes a Content-Type that raises for one of unknown characters.

    Django reads it while it makes the request, where nothing answers an error but the server: 500.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc] # of Django's own classes
        except (BadRequest, LookupError):
            unknown = {"content_type": "", "content_params": {"charset": ""}, "_encoding": None}
            vars(self).update(unknown)


class WSGIRequest(_UnreadableTypeMixin, wsgi.WSGIRequest):
    """A request of a WSGI server."""


class ASGIRequest(_UnreadableTypeMixin, asgi.ASGIRequest):
    """A request of an ASGI server."""
