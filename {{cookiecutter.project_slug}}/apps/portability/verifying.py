"""Compares a tenant here with an archive."""

from collections.abc import Mapping

from apps.isolation import ActiveTenant
from apps.isolation.context import activate_tenant
from apps.portability import people
from apps.portability.compatibility import require_same_tables
from apps.portability.documents import Shared
from apps.portability.exceptions import ArchiveError
from apps.portability.files import differing_files
from apps.portability.keys import KeyMap
from apps.portability.loading import Loader
from apps.portability.progress import progress_bar
from apps.portability.reading import Archive
from apps.portability.shared_data import maps_of_shared
from apps.portability.tables import tenant_tables
from apps.tenants.models import Tenant


def differences(
    tenant: Tenant, archive: Archive, mapping: Mapping[str, str], *, allows_added: bool = False
) -> list[str]:
    """Return a sentence for each table and each file that differs from the archive's."""
    if tenant.pk != archive.header.tenant:
        message = f"The archive is of the tenant {archive.header.tenant}, not of {tenant.slug!r}."
        raise ArchiveError(message)
    archive.require_complete()
    require_same_tables(archive.header.tables, tenant_tables(), allows_added=allows_added)
    maps = stored_maps(archive.shared, mapping)
    with activate_tenant(ActiveTenant(tenant.pk)), progress_bar(0, "row") as advance:
        return [*Loader(archive, maps, advance).check(), *differing_files(archive)]


def stored_maps(shared: Shared, mapping: Mapping[str, str]) -> dict[str, KeyMap]:
    """Return the keys of users and shared rows as an import has stored them here."""
    users = people.map_for_verification(shared, mapping)
    return {**maps_of_shared(shared), people.USERS: users}
