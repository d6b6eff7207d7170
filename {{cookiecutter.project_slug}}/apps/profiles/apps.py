"""App configuration."""

from django.apps import AppConfig


class ProfilesConfig(AppConfig):
    """The data that a tenant keeps about its members."""

    name = "apps.profiles"
