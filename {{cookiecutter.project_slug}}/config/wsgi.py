"""The project as a WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

from apps.observability.telemetry import start_telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

start_telemetry(serves=True)

application = get_wsgi_application()

from apps.api.requests import WSGIRequest  # noqa: E402 - needs Django
from apps.isolation.preflight import run_preflight_checks  # noqa: E402 - needs Django

application.request_class = WSGIRequest

run_preflight_checks()
