"""Settings for development on one's own machine."""

from config.env import env
from config.settings.base import *

DEBUG = True
# A clone without .env works at once; production settings accept no such default.
SECRET_KEY = SECRET_KEY or "insecure-key-for-development-only-0123456789abcdef"
SIMPLE_JWT["SIGNING_KEY"] = SIMPLE_JWT["SIGNING_KEY"] or SECRET_KEY
PLATFORM_ORIGIN = env.str("PLATFORM_ORIGIN", default="http://localhost:8000")
TENANT_URL = env.str("TENANT_URL", default="http://{domain}:8000")
# Without a mail server, mails appear where the server was started.
if not env.str("EMAIL_URL", default=""):
    MAILERS = {"default": {"BACKEND": "devtools.mail.ConsoleBackend"}}
INSTALLED_APPS = [*INSTALLED_APPS, "devtools"]
