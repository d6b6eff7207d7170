"""Settings of every environment.

One file per concern; this one puts them together.
https://docs.djangoproject.com/en/6.1/ref/settings/
"""

import django_stubs_ext

from config.env import BASE_DIR
from config.reading import read
from config.settings.api import *
from config.settings.apps import *
from config.settings.authentication import *
from config.settings.caches import *
from config.settings.files import *
from config.settings.hosts import *
from config.settings.isolation import *
from config.settings.limits import *
from config.settings.logging import *
from config.settings.mail import *
from config.settings.sessions import *
from config.settings.tasks import *

# Lets annotations such as ModelAdmin[User] be evaluated; before any model is imported.
django_stubs_ext.monkeypatch()

env = read()

SECRET_KEY = env.SECRET_KEY
# Earlier ones, while one takes over from another.
SECRET_KEY_FALLBACKS = env.SECRET_KEY_FALLBACKS
DEBUG = False

ROOT_URLCONF = "config.urls.shared"
# Routes of tools, by their prefix: served on every host, without asking who it is, and only where
# DEBUG is on.
DEVELOPMENT_URLS: dict[str, str] = {}
WSGI_APPLICATION = "config.wsgi.application"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "apps.tenants.middleware.CustomerHostMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "apps.observability.request_id.request_id_middleware",
    # What all answers are given, those for hosts of no tenant too.
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Outside of all that refuses, so that it counts what is refused.
    "apps.authentication.error_throttling.ErrorThrottleMiddleware",
    # Before everything that may ask the database: what follows runs inside the tenant.
    "apps.authentication.middleware.tenant_middleware",
    "apps.authentication.suspended_tenants.SuspendedTenantMiddleware",
    # Before everything that reads a body, or the query string.
    "apps.api.middleware.RequestBodyMiddleware",
    "apps.tenants.middleware.locale_middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "apps.authentication.middleware.StrictAccessMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

if CORS_ALLOWED_ORIGINS:
    # Outermost: browsers ask before they send a token, and are to read errors, too.
    MIDDLEWARE.insert(0, "corsheaders.middleware.CorsMiddleware")
    INSTALLED_APPS = [*INSTALLED_APPS, "corsheaders"]

if METRICS_TOKEN:
    MIDDLEWARE.insert(2, "apps.observability.metrics.metrics_middleware")

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
