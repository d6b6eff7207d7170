"""App configuration."""

from django.apps import AppConfig


class AuthenticationConfig(AppConfig):
    """Who the users are."""

    name = "apps.authentication"
