"""How the API writes bodies."""

from collections.abc import Mapping
from typing import Any

from rest_framework import renderers

from apps.api.text import encodable


class JSONRenderer(renderers.JSONRenderer):
    """JSON in UTF-8, whatever text is in it: an error may quote what a client sent."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the body; half a surrogate pair is shown as U+FFFD."""
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except UnicodeEncodeError:
            return super().render(encodable(data), accepted_media_type, renderer_context)
