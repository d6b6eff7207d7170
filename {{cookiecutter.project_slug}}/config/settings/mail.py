"""Mail: the sending code enqueues it, and a worker delivers it (docs/tasks.md).

https://docs.djangoproject.com/en/6.1/ref/settings/#mailers
"""

from typing import Any
from urllib.parse import unquote, urlsplit

from config.reading import read
from config.settings.hosts import TENANT_BASE_DOMAIN

env = read()

PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
_url = urlsplit(env.EMAIL_URL or "smtp://localhost")

MAILERS: dict[str, Any] = {
    "default": {"BACKEND": "apps.tasks.mail.QueuedMailBackend"},
    "outgoing": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": _url.hostname,
            "port": _url.port or PORTS[_url.scheme],
            "username": unquote(_url.username or ""),
            "password": unquote(_url.password or ""),
            "use_tls": _url.scheme == "smtp+tls",
            "use_ssl": _url.scheme == "smtp+ssl",
            # The worker is blocked while it waits.
            "timeout": 10,
        },
    },
}
DEFAULT_FROM_EMAIL = env.DEFAULT_FROM_EMAIL or f"noreply@{TENANT_BASE_DOMAIN}"
