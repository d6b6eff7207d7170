"""Caches.

https://docs.djangoproject.com/en/6.1/ref/settings/#caches
"""

from typing import Any

from config.reading import read

env = read()


def _cache(prefix: str, url: str = env.CACHE_URL, entries: int = 10_000) -> dict[str, Any]:
    """Return the settings of one part of the cache.

    In the process's own memory, where what one process counts or keeps the others do not know; or
    where the address says, for several processes to share.
    """
    shared = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    own = {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": prefix,
        "OPTIONS": {"MAX_ENTRIES": entries},
    }
    return {**(shared if url else own), "KEY_PREFIX": prefix}


CACHES: dict[str, dict[str, Any]] = {
    # The active tenant's; without a tenant it raises NoTenantError.
    "default": {
        **_cache("tenants"),
        "KEY_FUNCTION": "apps.isolation.integrations.cache.tenant_key",
    },
    # Nobody's: the health check, and what the platform keeps for itself.
    "platform": _cache("platform"),
    # Requests and tries that are counted, apart from what tenants write: a full cache forgets.
    "counters": _cache("counters", env.COUNTERS_URL or env.CACHE_URL, entries=100_000),
    # Which tenant a host belongs to. In the process's own memory, since each request asks, and
    # for seconds only, since nothing tells the other processes of a change.
    "hosts": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "hosts",
        "TIMEOUT": 30,
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
    # Whom a rate refuses, until its period ends: asked before the database is.
    "throttled": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "throttled",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
# These hold nothing of a tenant's. Every other cache has the KEY_FUNCTION: manage.py check.
PLATFORM_CACHES = ["platform", "counters", "hosts", "throttled"]
