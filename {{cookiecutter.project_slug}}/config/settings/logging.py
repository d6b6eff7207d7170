"""What is logged, and how.

https://docs.djangoproject.com/en/6.1/topics/logging/
"""

from typing import Any

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"tenant": {"()": "config.logs.TenantFilter"}},
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s tenant=%(tenant)s %(name)s: %(message)s"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["tenant"],
            "formatter": "line",
        },
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}
