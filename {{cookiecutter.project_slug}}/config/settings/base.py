"""Settings of every environment.

Each concern has its own file; this file combines them.
https://docs.djangoproject.com/en/6.1/ref/settings/
"""

import os

import django_stubs_ext

from config.env import BASE_DIR, STARTED_WITH
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

# Makes annotations such as ModelAdmin[User] work at run time. Must run before models are imported.
django_stubs_ext.monkeypatch()

env = read()

SECRET_KEY = env.SECRET_KEY
# Old keys that still verify signatures during a key rotation.
SECRET_KEY_FALLBACKS = env.SECRET_KEY_FALLBACKS
DEBUG = False

# Variables that `.env` and development tools have added. Commands of other installations start
# without them.
ADDED_VARIABLES = frozenset(os.environ) - STARTED_WITH

ROOT_URLCONF = "config.urls.shared"
# URLconfs of development tools, by prefix. They are served on every host without a log-in, and only
# if DEBUG is on.
DEVELOPMENT_URLS: dict[str, str] = {}
WSGI_APPLICATION = "config.wsgi.application"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "apps.tenants.middleware.CustomerHostMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "apps.observability.request_id.request_id_middleware",
    # Headers for all responses, also for those to unknown hosts.
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Before all middleware that refuses requests, so that it counts refused requests.
    "apps.authentication.error_throttling.ErrorThrottleMiddleware",
    # Before everything that may query the database. The middleware below runs inside the tenant.
    "apps.authentication.middleware.tenant_middleware",
    "apps.authentication.suspended_tenants.SuspendedTenantMiddleware",
    # Before everything that reads the body or the query string.
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
    # Outermost: preflight requests have no token, and scripts must be able to read errors.
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
                "apps.pages.rendering.frame",
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
