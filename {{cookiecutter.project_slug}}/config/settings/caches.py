"""Caches.

https://docs.djangoproject.com/en/6.1/ref/settings/#caches
"""

from typing import Any

# Each is in the process's own memory: what is counted or kept in one process, the others do not
# know. For many processes that share it, name a server here: BACKEND
# "django.core.cache.backends.redis.RedisCache" and its LOCATION, with the same KEY_FUNCTION.
CACHES: dict[str, dict[str, Any]] = {
    # The active tenant's; without a tenant it raises NoActiveTenant.
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "KEY_FUNCTION": "apps.isolation.carried.tenant_key",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
    # Nobody's: what is counted before anybody has logged in, and the health check.
    "platform": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "platform",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
    # Which tenant a host belongs to. In the process's own memory, since each request asks, and
    # for seconds only, since nothing tells the other processes of a change.
    "hosts": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "hosts",
        "TIMEOUT": 30,
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
# These hold nothing of a tenant's. Every other cache has the KEY_FUNCTION: manage.py check.
PLATFORM_CACHES = ["platform", "hosts"]
