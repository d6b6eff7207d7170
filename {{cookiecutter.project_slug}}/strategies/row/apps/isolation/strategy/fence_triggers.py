"""Triggers that refuse writes to one tenant's rows, in tables that all tenants share."""

from collections.abc import Mapping

from apps.isolation.context import Identified


def triggers(tenant: Identified) -> Mapping[str, str]:
    """Return the events and conditions of the triggers of a table, by their names."""
    own = f"tenant_id = '{tenant.id}'"
    return {
        "write": f"BEFORE INSERT OR UPDATE ON {{table}} FOR EACH ROW WHEN (NEW.{own})",
        "delete": f"BEFORE DELETE ON {{table}} FOR EACH ROW WHEN (OLD.{own})",
    }
