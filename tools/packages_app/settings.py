"""The test settings, with packages from the index in TENANT_APPS."""

from config.settings.test import *

# sites comes before flatpages, as Django asks.
PACKAGES = [
    "taggit",
    "simple_history",
    "reversion",
    "auditlog",
    "oauth2_provider",
    "import_export",
    "treebeard",
    "pgtrigger",
    "django.contrib.postgres",
    "django.contrib.sites",
    "django.contrib.flatpages",
]
# What joins users to tenants' rows, where they are in one database.
if SHARED_DB == "default":
    PACKAGES += ["guardian", "waffle"]
TENANT_APPS = [*TENANT_APPS, *PACKAGES, "studio"]
INSTALLED_APPS = [*INSTALLED_APPS, *PACKAGES, "studio"]
ANONYMOUS_USER_NAME = None
OAUTH2_PROVIDER = {
    "OAUTH2_VALIDATOR_CLASS": "studio.oauth.Validator",
    "SCOPES": {"read": "Read"},
}
