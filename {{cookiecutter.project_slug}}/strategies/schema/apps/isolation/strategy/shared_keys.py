"""Plain keys from tenants' tables to shared data, as reusable apps have them."""

from apps.isolation.strategy.unconstrained_keys import find_obstacle

__all__ = ["find_obstacle"]
