"""Settings for the tests: fast where it does not matter, strict where it does."""

from config.settings.base import *

SECRET_KEY = "insecure-key-for-tests-only-0123456789abcdefghij"  # noqa: S105
SIMPLE_JWT["SIGNING_KEY"] = SECRET_KEY
# Faster than the default hasher, which takes a tenth of a second on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Many tests request the same few routes. Only tests of the throttles set rates.
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = dict.fromkeys(THROTTLE_RATES)
# Many tests send concurrent requests or repeat exports. Only tests of these limits set them.
TENANT_REQUESTS_IN_FLIGHT = 0
PRIVACY_EXPORT_HOURS = 0
TENANT_EXPORT_HOURS = 0
# Assertions on logged records need no output.
LOGGING["root"]["level"] = "WARNING"
# Tests log in many times per second. Only tests of these limits set them.
ACCOUNT_RATE_LIMITS = False
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
# In memory, since the server at CACHE_URL may be in use.
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
CACHES |= {name: CACHES[name] | {"BACKEND": LOCMEM, "LOCATION": name} for name in CACHES}
# Tests of rates replace the clock, which this cache would ignore.
CACHES["throttled"] = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
# The tests' own app, with models of every kind, so that tests need no product.
TENANT_APPS = [*TENANT_APPS, "tests.sample"]
INSTALLED_APPS = [*INSTALLED_APPS, "devtools", "tests.sample"]
