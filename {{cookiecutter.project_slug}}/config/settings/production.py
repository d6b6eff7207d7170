"""Settings for production. A missing variable stops the start, and the error names it.

https://docs.djangoproject.com/en/6.1/howto/deployment/checklist/
"""

from django.core.exceptions import ImproperlyConfigured

from config.env import env
from config.settings.base import *

REQUIRED = ("DATABASE_URL", "JWT_SIGNING_KEY", "SECRET_KEY", "SHARED_HOSTS", "TENANT_BASE_DOMAIN")

if missing := [variable for variable in REQUIRED if not env.str(variable, default="")]:
    raise ImproperlyConfigured(f"Set in the environment, or in .env: {', '.join(missing)}.")

# The server serves its own static files, compressed and with a hash of the content in the name.
# https://whitenoise.readthedocs.io/en/stable/django.html
MIDDLEWARE = [MIDDLEWARE[0], "whitenoise.middleware.WhiteNoiseMiddleware", *MIDDLEWARE[1:]]
STORAGES["staticfiles"]["BACKEND"] = "whitenoise.storage.CompressedManifestStaticFilesStorage"

LOGGING["handlers"]["console"]["formatter"] = "json"

ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=1)
REST_FRAMEWORK["NUM_PROXIES"] = ALLAUTH_TRUSTED_PROXY_COUNT
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
