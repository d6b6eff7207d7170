"""Settings for the tests: fast where it does not matter, strict where it does."""

from config.settings.base import *

SECRET_KEY = "insecure-key-for-tests-only-0123456789abcdefghij"  # noqa: S105
SIMPLE_JWT["SIGNING_KEY"] = SECRET_KEY
# The default hasher takes a tenth of a second, on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Many tests ask the same few routes: only those of the throttles set rates.
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = dict.fromkeys(THROTTLE_RATES)
# Many tests let requests of one tenant meet, and export again: only those of the limits set them.
TENANT_REQUESTS_IN_FLIGHT = 0
PRIVACY_EXPORT_HOURS = 0
# The tests' assertions on what is logged need no output of it.
LOGGING["root"]["level"] = "WARNING"
# Tests log in more often in a second than people do in a day; those of the limits set them again.
ACCOUNT_RATE_LIMITS = False
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
# What CACHE_URL names is somebody's: the tests keep to themselves.
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
CACHES |= {name: CACHES[name] | {"BACKEND": LOCMEM, "LOCATION": name} for name in CACHES}
# Tests of rates move the clock on, which this one does not look at.
CACHES["throttled"] = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
# The tests' own app, with models of every kind: they need no product.
TENANT_APPS = [*TENANT_APPS, "tests.sample"]
INSTALLED_APPS = [*INSTALLED_APPS, "devtools", "tests.sample"]
