"""Tenant-scoped caches: those with the KEY_FUNCTION below, whichever backend they have."""

from typing import Any, NoReturn

from django.core.cache import CacheHandler, caches

from apps.isolation.context import require_tenant


def tenant_key(key: str, key_prefix: str, version: int) -> str:
    """Return the key under which the active tenant's value is cached (``KEY_FUNCTION``).

    Raises `NoTenantError` without a tenant.
    """
    return f"{require_tenant().id}:{key_prefix}:{version}:{key}"


class TenantCaches(CacheHandler):
    """Makes caches; those of tenants cannot be emptied as a whole."""

    def create_connection(self, alias: str) -> Any:
        """Return a new cache of this thread."""
        cache: Any = super().create_connection(alias)
        if cache.key_func is tenant_key:
            cache.clear = _refuse_to_clear
        return cache


def protect_caches() -> None:
    """Let Django's ``caches`` refuse ``clear()`` for what tenants share; called at start-up."""
    # The object itself stays: Django and libraries have imported it.
    caches.__class__ = TenantCaches


def clear_all_caches() -> None:
    """Empty every cache, for all tenants at once; for the platform and for tests."""
    for cache in caches.all():
        type(cache).clear(cache)


def _refuse_to_clear() -> NoReturn:
    message = (
        "clear() would empty the cache of all tenants, which share its store: delete single keys, "
        "or put a version into the keys."
    )
    raise NotImplementedError(message)
