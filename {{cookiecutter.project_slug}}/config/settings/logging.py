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
        # Without Django's own handler, which would print the root logger's lines twice.
        "django": {"handlers": []},
        "django.request": {"filters": ["tokens"]},
        "django.security.csrf": {"filters": ["tokens"]},
        # Clients can send any Host header; an invalid one gets the same 404 as an unknown host.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.server": {"filters": ["tokens"], "propagate": True},
        # Its records of single jobs quote arguments; apps.tasks logs jobs without them.
        "procrastinate": {"level": "WARNING"},
        "procrastinate.worker": {"filters": ["jobs"]},
        "procrastinate.worker.worker": {"filters": ["jobs"]},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}

# Receivers of error reports and traces (`apps.observability.telemetry`).
SENTRY_DSN = env.SENTRY_DSN
OTEL_EXPORTER_OTLP_ENDPOINT = env.OTEL_EXPORTER_OTLP_ENDPOINT
OTEL_SERVICE_NAME = env.OTEL_SERVICE_NAME

# The bearer token of Prometheus for /metrics on the shared hosts.
METRICS_TOKEN = env.METRICS_TOKEN
# The number of tenants with series of their own. All others share the series "other".
METRICS_TENANTS = env.METRICS_TENANTS
