"""The fleet: migrates and compares tenants that have their own tables."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.isolation.fleet.protocol import Targets
    from apps.isolation.strategy import targets

    _targets: Targets = targets
