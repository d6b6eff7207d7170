"""Tenant-scoped caches: every cache with the KEY_FUNCTION below, whatever its backend."""

from typing import NoReturn

from django.core.cache import CacheHandler, caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.redis import RedisCache

from apps.isolation.context import Identified, require_tenant


def tenant_key(key: str, key_prefix: str, version: int) -> str:
    """Return the key under which the active tenant's value is cached (``KEY_FUNCTION``).

    Raises `NoTenantError` without a tenant.
    """
    return f"{require_tenant().id}:{key_prefix}:{version}:{key}"


class TenantCaches(CacheHandler):
    """Creates caches. Those of tenants refuse ``clear()``."""

    def create_connection(self, alias: str) -> BaseCache:
        """Return a new cache for this thread."""
        cache = super().create_connection(alias)
        if cache.key_func is tenant_key:
            vars(cache)["clear"] = _refuse_to_clear
        return cache


def protect_caches() -> None:
    """Make Django's ``caches`` refuse ``clear()`` for tenants' caches; runs at start-up."""
    # Change the class of the object, since Django and libraries have imported the object itself.
    caches.__class__ = TenantCaches


def clear_all_caches() -> None:
    """Empty every cache for all tenants; for the platform and for tests."""
    for cache in caches.all():
        type(cache).clear(cache)


def forget_tenant(tenant: Identified) -> None:
    """Delete a tenant's values from Redis; those in the memory of processes expire."""
    for cache in caches.all():
        if cache.key_func is tenant_key and isinstance(cache, RedisCache):
            client = cache._cache.get_client(None, write=True)  # noqa: SLF001 - no public method finds keys
            for key in client.scan_iter(match=f"{tenant.id}:*", count=1000):
                client.unlink(key)


def _refuse_to_clear() -> NoReturn:
    message = (
        "clear() would empty the cache of all tenants, which share its store: delete single keys, "
        "or put a version into the keys."
    )
    raise NotImplementedError(message)
