"""The isolation strategy: all that depends on how tenants are kept apart."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.isolation.strategy import (
        fence_triggers,
        invariants,
        models,
        naming,
        protocol,
        provisioning,
        routers,
        shared_keys,
        testing,
        transactions,
    )

    _naming: protocol.Naming = naming
    _models: protocol.Models = models
    _routers: protocol.Routers = routers
    _shared_keys: protocol.SharedKeys = shared_keys
    _provisioning: protocol.Provisioning = provisioning
    _invariants: protocol.DatabaseInvariants = invariants
    _testing: protocol.Testing = testing
    _transactions: protocol.Transactions = transactions
    _fence_triggers: protocol.FenceTriggers = fence_triggers
