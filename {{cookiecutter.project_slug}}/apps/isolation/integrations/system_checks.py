"""Support for other apps' system checks, which may use the router or the database."""

from typing import Any

from django.core import checks

from apps.isolation.app_registry import SHARED_DB, as_owner


def run_checks_without_tenant() -> None:
    """Make system checks use the shared connection, since no tenant is active then."""
    run_checks = checks.run_checks

    def run_over_shared_data(*args: Any, **kwargs: Any) -> list[checks.CheckMessage]:
        with as_owner(SHARED_DB):
            return run_checks(*args, **kwargs)

    checks.run_checks = run_over_shared_data
