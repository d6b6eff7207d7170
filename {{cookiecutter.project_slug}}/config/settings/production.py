"""Settings for production, which needs some variables that development does not.

https://docs.djangoproject.com/en/6.1/howto/deployment/checklist/
"""

from config.reading import read

# Before any value is taken, so that what is missing is named together with what is wrong.
env = read(production=True)

from config.settings.base import *  # noqa: E402

# The server serves its own static files, compressed and with a hash of the content in the name.
# https://whitenoise.readthedocs.io/en/stable/django.html
MIDDLEWARE = [*MIDDLEWARE[:2], "whitenoise.middleware.WhiteNoiseMiddleware", *MIDDLEWARE[2:]]
STORAGES["staticfiles"]["BACKEND"] = "whitenoise.storage.CompressedManifestStaticFilesStorage"

LOGGING["handlers"]["console"]["formatter"] = "json"

if env.TRUSTED_PROXY_COUNT is None:
    ALLAUTH_TRUSTED_PROXY_COUNT = REST_FRAMEWORK["NUM_PROXIES"] = 1
# TLS ends at the proxy, which must set this header and must not pass on a client's.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
# Probes come without TLS and without the proxy; so do Prometheus and the proxy's own question.
SECURE_REDIRECT_EXEMPT = [r"^healthz/", r"^metrics$", r"^tls/"]
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# Browsers take a cookie of such a name from this very host only, over TLS, for all of it.
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken"
