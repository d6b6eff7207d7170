"""App configuration."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Who the tenants are."""

    name = "apps.tenants"
