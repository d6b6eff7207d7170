"""Plain keys from tenants' tables to shared data, as reusable apps have them."""

from typing import Any


def find_obstacle(field: Any) -> str:
    """Return why a plain relation to shared data does not hold: nothing, since all do."""
    return ""
