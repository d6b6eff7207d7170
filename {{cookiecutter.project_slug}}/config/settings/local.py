"""Settings for development on one's own machine."""

from config.settings.base import *

DEBUG = True
# A clone without .env works at once; production settings accept no such default.
SECRET_KEY = SECRET_KEY or "insecure-key-for-development-only-0123456789abcdef"
SIMPLE_JWT["SIGNING_KEY"] = SIMPLE_JWT["SIGNING_KEY"] or SECRET_KEY
PLATFORM_ORIGIN = env.PLATFORM_ORIGIN or "http://localhost:8000"
TENANT_URL = env.TENANT_URL or "http://{domain}:8000"
# Without a mail server, mails appear where the server was started, at once.
if not env.EMAIL_URL:
    MAILERS = {"default": {"BACKEND": "devtools.mail.ConsoleBackend"}}
INSTALLED_APPS = [*INSTALLED_APPS, "devtools"]

# https://django-debug-toolbar.readthedocs.io: on every page, for browsers on this machine.
if env.DEBUG_TOOLBAR:
    INSTALLED_APPS = [*INSTALLED_APPS, "debug_toolbar"]
    DEVELOPMENT_URLS = {"__debug__/": "debug_toolbar.urls"}
    INTERNAL_IPS = ["127.0.0.1", "::1"]
    # Inside of the tenant, whose rows its panels show.
    _place = MIDDLEWARE.index("apps.authentication.middleware.tenant_middleware") + 1
    MIDDLEWARE.insert(_place, "debug_toolbar.middleware.DebugToolbarMiddleware")
    # It keeps what it shows in memory, and needs no table.
    MIGRATION_MODULES = {"debug_toolbar": None}
