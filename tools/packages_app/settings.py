"""The settings of the project's tests, with packages from the index among the tenants' apps."""

from config.settings.test import *

# sites comes before flatpages, as Django asks.
PACKAGES = [
    "taggit",
    "simple_history",
    "waffle",
    "django.contrib.sites",
    "django.contrib.flatpages",
]
TENANT_APPS = [*TENANT_APPS, *PACKAGES, "studio"]
INSTALLED_APPS = [*INSTALLED_APPS, *PACKAGES, "studio"]
