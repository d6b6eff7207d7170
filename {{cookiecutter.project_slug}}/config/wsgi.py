"""The project as a WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

from apps.observability.telemetry import start_telemetry
from config.env import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

start_telemetry(env, serves=True)

application = get_wsgi_application()

from apps.isolation.preflight import run_preflight_checks  # noqa: E402 - needs Django

run_preflight_checks()
