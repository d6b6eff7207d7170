"""Renderers of the API."""

from collections.abc import Mapping

from rest_framework import renderers

from apps.api.text import encodable


class JSONRenderer(renderers.JSONRenderer):
    """Renderer for JSON in UTF-8 that accepts any text: an error may quote a client's input."""

    def render(
        self,
        data: object,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, object] | None = None,
    ) -> bytes:
        """Return the body; replace unpaired surrogates by U+FFFD."""
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except UnicodeEncodeError:
            return super().render(encodable(data), accepted_media_type, renderer_context)
