"""A pool of storage for the tests' tenants, created once and reused by every test.

Creating a tenant's storage takes a fraction of a second and cannot be rolled back; creating its row
is fast and can. So a few storages are created before the first test, and the tenant of a test is a
row with the id of one of them.
"""

from uuid import UUID

from apps.isolation.context import ActiveTenant
from apps.isolation.fields import new_id
from apps.isolation.integrations.cache import clear_all_caches
from apps.isolation.integrations.files import delete_all_files
from apps.isolation.strategy.provisioning import deprovision, provision

SIZE = 3

_all: list[UUID] = []
_free: list[UUID] = []


def fill() -> None:
    """Create the storages, unless this process has done so."""
    while len(_all) < SIZE:
        tenant = ActiveTenant(new_id())
        provision(tenant)
        _all.append(tenant.id)
    release()


def take() -> UUID:
    """Return the id of a storage that no other tenant of this test uses."""
    if not _free:
        message = f"A test has {SIZE} tenants at most; raise SIZE in {__name__} for more."
        raise RuntimeError(message)
    return _free.pop()


def holds(tenant_id: UUID) -> bool:
    """Return whether a tenant's storage is in the pool."""
    return tenant_id in _all


def release() -> None:
    """Free all storages, and delete their files and cached values."""
    _free[:] = reversed(_all)
    clear_all_caches()
    delete_all_files()


def empty() -> None:
    """Destroy the storages."""
    while _all:
        deprovision(ActiveTenant(_all.pop()))
    _free.clear()
