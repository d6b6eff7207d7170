"""Caches.

https://docs.djangoproject.com/en/6.1/ref/settings/#caches
"""

from typing import Any

from config.env import env


def _cache(prefix: str) -> dict[str, Any]:
    """Return the settings of one part of the cache.

    In the process's own memory, where what one process counts or keeps the others do not know; or
    where CACHE_URL says, for several processes to share.
    """
    given: dict[str, Any] = env.cache_url(
        "CACHE_URL", default=f"locmemcache://{prefix}?max_entries=10000"
    )
    return given | {"KEY_PREFIX": prefix}


CACHES: dict[str, dict[str, Any]] = {
    # The active tenant's; without a tenant it raises NoTenantError.
    "default": {
        **_cache("tenants"),
        "KEY_FUNCTION": "apps.isolation.integrations.cache.tenant_key",
    },
    # Nobody's: what is counted before anybody has logged in, and the health check.
    "platform": _cache("platform"),
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
