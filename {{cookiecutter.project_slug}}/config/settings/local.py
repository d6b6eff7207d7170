"""Settings for development."""

from config.settings.base import *

DEBUG = True
# A fresh clone works without .env. Production settings accept no such default.
SECRET_KEY = SECRET_KEY or "insecure-key-for-development-only-0123456789abcdef"
SIMPLE_JWT["SIGNING_KEY"] = SIMPLE_JWT["SIGNING_KEY"] or SECRET_KEY
PLATFORM_ORIGIN = env.PLATFORM_ORIGIN or "http://localhost:8000"
TENANT_URL = env.TENANT_URL or "http://{domain}:8000"
# Without a mail server, mails are printed on the console at once.
if not env.EMAIL_URL:
    MAILERS = {"default": {"BACKEND": "devtools.mail.ConsoleBackend"}}
INSTALLED_APPS = [*INSTALLED_APPS, "devtools"]

# https://django-debug-toolbar.readthedocs.io, for browsers on this machine.
if env.DEBUG_TOOLBAR:
    INSTALLED_APPS = [*INSTALLED_APPS, "debug_toolbar"]
    DEVELOPMENT_URLS = {"__debug__/": "debug_toolbar.urls"}
    INTERNAL_IPS = ["127.0.0.1", "::1"]
    # After the tenant middleware, since its panels query the tenant's rows.
    _place = MIDDLEWARE.index("apps.authentication.middleware.tenant_middleware") + 1
    MIDDLEWARE.insert(_place, "debug_toolbar.middleware.DebugToolbarMiddleware")
    # The toolbar stores its data in memory and needs no table.
    MIGRATION_MODULES = {"debug_toolbar": None}
