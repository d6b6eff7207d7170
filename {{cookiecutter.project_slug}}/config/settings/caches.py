"""Caches.

https://docs.djangoproject.com/en/6.1/ref/settings/#caches
"""

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # What belongs to no tenant.
    "platform": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "platform",
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
