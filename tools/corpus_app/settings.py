"""The test settings, with models of every kind in TENANT_APPS."""

from config.settings.test import *

APPS = ["django.contrib.postgres", "corpus"]
TENANT_APPS = [*TENANT_APPS, *APPS]
INSTALLED_APPS = [*INSTALLED_APPS, *APPS]
