"""Test support: tenants in no time, clients that log in, and questions to the wall itself."""

from apps.isolation.testing.cases import TenantAPITestCase
from apps.isolation.testing.people import api_client, make_member, make_tenant
from apps.isolation.testing.probe import WallProbe, break_wall, hole, wall_probe
from apps.isolation.testing.wall import (
    IDS_ARE_UNIQUE_AMONG_TENANTS,
    INAPPLICABLE,
    PRESETS,
    STATEMENTS_CARRY_THE_TENANT,
    owner_cursor,
)
from apps.isolation.wall import wall_guards

__all__ = [
    "IDS_ARE_UNIQUE_AMONG_TENANTS",
    "INAPPLICABLE",
    "PRESETS",
    "STATEMENTS_CARRY_THE_TENANT",
    "TenantAPITestCase",
    "WallProbe",
    "api_client",
    "break_wall",
    "hole",
    "make_member",
    "make_tenant",
    "owner_cursor",
    "wall_guards",
    "wall_probe",
]
