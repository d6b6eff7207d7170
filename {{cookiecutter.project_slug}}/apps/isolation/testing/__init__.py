"""Test support: fast tenants, logged-in clients, and access to the invariants."""

from apps.isolation.strategy.invariants import invariants
from apps.isolation.strategy.provisioning import owner_cursor
from apps.isolation.strategy.testing import (
    IDS_ARE_UNIQUE_AMONG_TENANTS,
    INAPPLICABLE,
    PRESETS,
    STATEMENTS_CARRY_THE_TENANT,
)
from apps.isolation.testing.cases import TenantAPITestCase
from apps.isolation.testing.people import api_client, make_member, make_tenant
from apps.isolation.testing.probe import (
    IsolationProbe,
    breach,
    break_invariant,
    check_keys_at_once,
    every_breach,
    isolation_probe,
)

__all__ = [
    "IDS_ARE_UNIQUE_AMONG_TENANTS",
    "INAPPLICABLE",
    "PRESETS",
    "STATEMENTS_CARRY_THE_TENANT",
    "IsolationProbe",
    "TenantAPITestCase",
    "api_client",
    "breach",
    "break_invariant",
    "check_keys_at_once",
    "every_breach",
    "invariants",
    "isolation_probe",
    "make_member",
    "make_tenant",
    "owner_cursor",
]
