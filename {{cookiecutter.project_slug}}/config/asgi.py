"""The project as an ASGI application."""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

# Each request has a context of its own here, and so connections of its own, which nobody would
# use again: they are closed with it. A pool (OPTIONS["pool"]) or PgBouncer saves connecting anew.
for connection in settings.DATABASES.values():
    connection["CONN_MAX_AGE"] = 0

application = get_asgi_application()

from apps.isolation.guards import refuse_to_serve_with_powers  # noqa: E402 - needs Django

refuse_to_serve_with_powers()
