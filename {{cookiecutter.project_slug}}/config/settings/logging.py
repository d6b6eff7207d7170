"""What is logged, and how; and the metrics for Prometheus.

https://docs.djangoproject.com/en/6.1/topics/logging/
"""

from typing import Any

from config.env import env

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "context": {"()": "apps.observability.logs.ContextFilter"},
        "tokens": {"()": "apps.observability.logs.TokenFilter"},
    },
    "formatters": {
        "line": {
            "()": "apps.observability.logs.LineFormatter",
            "format": "%(asctime)s %(levelname)s tenant=%(tenant)s user=%(user)s "
            "request=%(request_id)s %(name)s: %(message)s",
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
        "django.request": {"filters": ["tokens"]},
        "django.security.csrf": {"filters": ["tokens"]},
        # Anybody may send any name; what can be no host's is answered as an unknown one is.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.server": {"filters": ["tokens"]},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}

# Prometheus: /metrics, on the shared hosts, for whoever sends this as a bearer token.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# How many tenants have series of their own. Those of all others are one, named "other".
METRICS_TENANTS = env.int("METRICS_TENANTS", default=100)
