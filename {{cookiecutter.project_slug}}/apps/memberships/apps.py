"""App configuration."""

from django.apps import AppConfig


class MembershipsConfig(AppConfig):
    """Members, roles and invitations of tenants."""

    name = "apps.memberships"

    def ready(self) -> None:
        """Register the health check for tenants without an Owner."""
        from apps.memberships.selectors import invited_owners, owners  # noqa: PLC0415 - models
        from apps.tenants.management.health import REQUIRED  # noqa: PLC0415 - needs the models

        REQUIRED["Owner"] = [owners, invited_owners]
