"""Settings for production, which requires some variables that are optional in development.

https://docs.djangoproject.com/en/6.1/howto/deployment/checklist/
"""

from config.reading import read

# Before other settings read a variable, so that one error names missing and invalid variables.
env = read(production=True)

from config.settings.base import *  # noqa: E402

# The server serves its static files itself, compressed, with a hash of the content in the name.
# https://whitenoise.readthedocs.io/en/stable/django.html
MIDDLEWARE = [*MIDDLEWARE[:2], "whitenoise.middleware.WhiteNoiseMiddleware", *MIDDLEWARE[2:]]
STORAGES["staticfiles"]["BACKEND"] = "whitenoise.storage.CompressedManifestStaticFilesStorage"

LOGGING["handlers"]["console"]["formatter"] = "json"

if env.TRUSTED_PROXY_COUNT is None:
    ALLAUTH_TRUSTED_PROXY_COUNT = REST_FRAMEWORK["NUM_PROXIES"] = 1
# TLS ends at the proxy, which must set this header and must drop the one of a client.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
# Probes, Prometheus and the proxy's own request (/tls/allowed) arrive without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz/", r"^metrics$", r"^tls/"]
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# Browsers accept a cookie with this prefix from its own host only, over TLS and for all paths.
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken"
