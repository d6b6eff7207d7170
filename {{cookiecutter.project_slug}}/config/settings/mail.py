"""Mail.

https://docs.djangoproject.com/en/6.1/ref/settings/#mailers
"""

from config.env import env
from config.settings.hosts import TENANT_BASE_DOMAIN

_url = env.email_url("EMAIL_URL", default="smtp://localhost:25")

MAILERS = {
    "default": {
        "BACKEND": _url["EMAIL_BACKEND"],
        "OPTIONS": {
            "host": _url["EMAIL_HOST"],
            "port": _url["EMAIL_PORT"],
            "username": _url["EMAIL_HOST_USER"],
            "password": _url["EMAIL_HOST_PASSWORD"],
            "use_tls": _url.get("EMAIL_USE_TLS", False),
            "use_ssl": _url.get("EMAIL_USE_SSL", False),
            # A request waits for it.
            "timeout": 10,
        },
    },
}
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"noreply@{TENANT_BASE_DOMAIN}")
