"""The project as an ASGI application."""

import os

from django.core.asgi import get_asgi_application

from apps.observability.telemetry import start_telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

# Under ASGI each request has its own context, and so its own connections, which no other request
# can reuse. They are closed with the request; DATABASE_POOL_SIZE or PgBouncer avoids reconnecting.
os.environ["DATABASE_KEEP_SECONDS"] = "0"

start_telemetry(serves=True)

application = get_asgi_application()

from apps.api.requests import ASGIRequest  # noqa: E402 - needs Django
from apps.isolation.preflight import run_preflight_checks  # noqa: E402 - needs Django

application.request_class = ASGIRequest

run_preflight_checks()
