"""App configuration."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_logged_out


class AuthenticationConfig(AppConfig):
    """Users, and how they get in."""

    name = "apps.authentication"

    def ready(self) -> None:
        """Write down each session's beginning and end, be it of a page or of the admin."""
        from apps.authentication import accounts  # noqa: PLC0415 - needs the models

        user_logged_in.connect(accounts.record_log_in)
        user_logged_out.connect(accounts.record_log_out)
