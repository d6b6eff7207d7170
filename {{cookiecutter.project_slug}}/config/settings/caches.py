"""Caches.

https://docs.djangoproject.com/en/6.1/ref/settings/#caches
"""

from config.env import env

CACHES = {
    # In the process's own memory, or where CACHE_URL says, for several processes to share.
    "default": env.cache_url("CACHE_URL", default="locmemcache://"),
    # Which tenant a host belongs to. In the process's own memory, since each request asks, and
    # for seconds only, since nothing tells the other processes of a change.
    "hosts": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "hosts",
        "TIMEOUT": 30,
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
