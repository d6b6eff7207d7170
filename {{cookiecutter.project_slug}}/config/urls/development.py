"""Routes of development tools, which know nothing of tenants. Production has none."""

from collections.abc import Iterable

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from apps.authentication.decorators import unguarded


def _open(patterns: Iterable[URLPattern | URLResolver]) -> None:
    """Allow the tools' views on tenants' hosts, although they declare no role."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            _open(pattern.url_patterns)
        else:
            unguarded(pattern.callback)


tools = settings.DEVELOPMENT_URLS if settings.DEBUG else {}
urlpatterns = [path(route, include(module)) for route, module in tools.items()]
_open(urlpatterns)
