"""Request classes that leave unreadable headers to middleware, which answers them."""

from django.core.exceptions import BadRequest
from django.core.handlers import asgi, wsgi


class _UnreadableTypeMixin:
    """Accepts a Content-Type with an unknown charset, for which Django raises an error.

    Django parses it while it creates the request, where an error becomes a 500 of the server.
    """

    def _set_content_type_params(self, meta: dict[str, object]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc] # of Django's own classes
        except (BadRequest, LookupError):
            unknown = {"content_type": "", "content_params": {"charset": ""}, "_encoding": None}
            vars(self).update(unknown)


class WSGIRequest(_UnreadableTypeMixin, wsgi.WSGIRequest):
    """A request of a WSGI server."""


class ASGIRequest(_UnreadableTypeMixin, asgi.ASGIRequest):
    """A request of an ASGI server."""
