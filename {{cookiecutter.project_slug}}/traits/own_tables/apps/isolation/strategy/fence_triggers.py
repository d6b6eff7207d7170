"""Triggers that refuse writes to one tenant's rows, in tables that nobody else uses."""

from collections.abc import Mapping

from apps.isolation.context import Identified


def triggers(tenant: Identified) -> Mapping[str, str]:
    """Return the events and conditions of the triggers of a table, by their names."""
    return {"write": "BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH STATEMENT"}
