"""The settings with every package as it comes, for what a strategy refuses."""

from studio.settings import *

TENANT_APPS = list(dict.fromkeys([*TENANT_APPS, "guardian", "waffle"]))
INSTALLED_APPS = list(dict.fromkeys([*INSTALLED_APPS, "guardian", "waffle"]))
