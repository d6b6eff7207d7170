"""Logs, error reports, traces and metrics.

https://docs.djangoproject.com/en/6.1/topics/logging/
"""

from typing import Any

from config.reading import read

env = read()

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "context": {"()": "apps.observability.logs.ContextFilter"},
        "jobs": {"()": "apps.observability.logs.QueueFilter"},
        "tokens": {"()": "apps.observability.logs.TokenFilter"},
    },
    "formatters": {
        "line": {
            "()": "apps.observability.logs.LineFormatter",
            "format": "%(asctime)s %(levelname)s tenant=%(tenant)s user=%(user)s "
            "request=%(request_id)s task=%(task)s %(name)s: %(message)s",
        },
        "json": {"()": "apps.observability.logs.JSONFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["context"],
            "formatter": "line",
        },
    },
    "loggers": {
        # Django's own handler would say once more what the root's says.
        "django": {"handlers": []},
        "django.request": {"filters": ["tokens"]},
        "django.security.csrf": {"filters": ["tokens"]},
        # Anybody may send any name; what can be no host's is answered as an unknown one is.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.server": {"filters": ["tokens"], "propagate": True},
        # What it says of single jobs quotes their arguments; apps.tasks says it without them.
        "procrastinate": {"level": "WARNING"},
        "procrastinate.worker": {"filters": ["jobs"]},
        "procrastinate.worker.worker": {"filters": ["jobs"]},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}

# Where errors are reported and traces go (`apps.observability.telemetry`).
SENTRY_DSN = env.SENTRY_DSN
OTEL_EXPORTER_OTLP_ENDPOINT = env.OTEL_EXPORTER_OTLP_ENDPOINT
OTEL_SERVICE_NAME = env.OTEL_SERVICE_NAME

# Prometheus: /metrics, on the shared hosts, for whoever sends this as a bearer token.
METRICS_TOKEN = env.METRICS_TOKEN
# How many tenants have series of their own. Those of all others are one, named "other".
METRICS_TENANTS = env.METRICS_TENANTS
