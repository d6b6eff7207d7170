"""Tenant-scoped files: each tenant's files have the tenant's prefix."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import IO

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import Storage, storages

from apps.isolation.context import Identified, require_tenant

ALL_TENANTS = "all_tenants"
"""Alias of the storage that holds the files of all tenants (``STORAGES``)."""

_PREFIX = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class TenantStorage(Storage):
    """The active tenant's part of the storage ``all_tenants``, which may have any backend.

    Each method adds a prefix with the tenant's id; names in rows do not contain it. Raises
    `NoTenantError` without a tenant, and SuspiciousFileOperation for a name that leaves the prefix.
    """

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        return _everybodys().open(_placed(name), mode)

    def _save(self, name: str, content: IO[bytes]) -> str:
        saved = _everybodys().save(_placed(name), content)
        return saved.removeprefix(_prefix())

    def delete(self, name: str) -> None:
        """Delete a file, if it exists."""
        _everybodys().delete(_placed(name))

    def exists(self, name: str) -> bool:
        """Return whether the file exists."""
        return _everybodys().exists(_placed(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the names of the folders and of the files in a folder; "" is the outermost."""
        return _everybodys().listdir(_placed(path) if path else _prefix())

    def size(self, name: str) -> int:
        """Return the size in bytes."""
        return _everybodys().size(_placed(name))

    def path(self, name: str) -> str:
        """Return the local path of the file, if the backend stores files locally."""
        return _everybodys().path(_placed(name))

    def get_accessed_time(self, name: str) -> datetime:
        """Return when the file was last read."""
        return _everybodys().get_accessed_time(_placed(name))

    def get_created_time(self, name: str) -> datetime:
        """Return when the file was created."""
        return _everybodys().get_created_time(_placed(name))

    def get_modified_time(self, name: str) -> datetime:
        """Return when the file was last written."""
        return _everybodys().get_modified_time(_placed(name))

    def url(self, name: str | None) -> str:
        """Refuse, since a URL would work without a permission check."""
        message = "A tenant's file has no URL; serve it from a view that authorises."
        raise NotImplementedError(message)


def delete_files(tenant: Identified) -> None:
    """Delete all files of a tenant, if any."""
    _delete_tree(_everybodys(), str(tenant.id))


def sizes_of_files(tenant: Identified) -> Iterator[int]:
    """Yield the size of each file of a tenant, in bytes."""
    return _sizes(_everybodys(), str(tenant.id))


def delete_all_files() -> None:
    """Delete the files of all tenants, and leave other files in the storage."""
    folders, _ = _listed(_everybodys(), "")
    for folder in filter(_PREFIX.fullmatch, folders):
        _delete_tree(_everybodys(), folder)


def _everybodys() -> Storage:
    return storages[ALL_TENANTS]


def _prefix() -> str:
    return f"{require_tenant().id}/"


def _placed(name: str) -> str:
    """Return the name of the active tenant's file in the storage ``all_tenants``."""
    parts = str(name).split("/")
    if {"", ".", ".."} & set(parts) or "\\" in name or "\0" in name:
        message = f"{name!r} is not the name of a tenant's file."
        raise SuspiciousFileOperation(message)
    return _prefix() + "/".join(parts)


def _delete_tree(storage: Storage, folder: str) -> None:
    folders, files = _listed(storage, folder)
    for name in files:
        storage.delete(f"{folder}/{name}")
    for name in folders:
        _delete_tree(storage, f"{folder}/{name}")
    storage.delete(folder)


def _sizes(storage: Storage, folder: str) -> Iterator[int]:
    folders, files = _listed(storage, folder)
    for name in files:
        yield storage.size(f"{folder}/{name}")
    for name in folders:
        yield from _sizes(storage, f"{folder}/{name}")


def _listed(storage: Storage, folder: str) -> tuple[list[str], list[str]]:
    try:
        return storage.listdir(folder)
    except FileNotFoundError:
        return [], []
