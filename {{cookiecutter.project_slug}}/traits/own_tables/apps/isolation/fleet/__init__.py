"""The fleet: migrating and comparing tenants that have tables of their own."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.isolation.fleet.protocol import Targets
    from apps.isolation.strategy import targets

    _targets: Targets = targets
