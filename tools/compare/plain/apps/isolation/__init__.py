"""The public names of the isolation package in a project without tenants."""

from typing import Any


def require_tenant() -> Any:
    """Refuse: there are no tenants."""
    raise NotImplementedError
