"""The project as an ASGI application."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

application = get_asgi_application()

from apps.isolation.guards import refuse_to_serve_with_powers  # noqa: E402 - needs Django

refuse_to_serve_with_powers()
