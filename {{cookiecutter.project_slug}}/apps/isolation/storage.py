"""What provisioning says."""

from dataclasses import dataclass


class ProvisioningError(Exception):
    """A tenant's storage cannot be made; the message says what to do."""


@dataclass(frozen=True, slots=True)
class StorageReport:
    """A tenant's storage: its name, whether it is there, its tables, its size in bytes."""

    name: str
    exists: bool
    tables: int
    size: int
