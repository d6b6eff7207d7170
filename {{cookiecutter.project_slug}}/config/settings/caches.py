"""Caches.

https://docs.djangoproject.com/en/6.1/ref/settings/#caches
"""

from typing import Any

from config.reading import read

env = read()


def _cache(prefix: str, url: str = env.CACHE_URL, entries: int = 10_000) -> dict[str, Any]:
    """Return the settings of one cache.

    It is a Redis server with an address, which all processes share. Without one, it is in the
    memory of the process, and other processes do not see it.
    """
    shared = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    own = {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": prefix,
        "OPTIONS": {"MAX_ENTRIES": entries},
    }
    return {**(shared if url else own), "KEY_PREFIX": prefix}


CACHES: dict[str, dict[str, Any]] = {
    # Values of the active tenant. Raises NoTenantError without a tenant.
    "default": {
        **_cache("tenants"),
        "KEY_FUNCTION": "apps.isolation.integrations.cache.tenant_key",
    },
    # Values of no tenant: the platform's own, and those of the health check.
    "platform": _cache("platform"),
    # Counters of requests and attempts. Separate, because tenants could fill a cache of their own.
    "counters": _cache("counters", env.COUNTERS_URL or env.CACHE_URL, entries=100_000),
    # The tenant of each host. In memory, since every request reads it, and for seconds only, since
    # other processes are not notified of a change.
    "hosts": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "hosts",
        "TIMEOUT": 30,
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
    # Clients over a rate limit, until its period ends. Read before any query.
    "throttled": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "throttled",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
# These hold no tenant data. A system check requires the KEY_FUNCTION for all others.
PLATFORM_CACHES = ["platform", "counters", "hosts", "throttled"]
