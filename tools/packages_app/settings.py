"""The test settings, with packages from the index in TENANT_APPS."""

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
