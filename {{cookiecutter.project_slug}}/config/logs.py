"""Log records."""

import logging

from apps.isolation import current_tenant


class TenantFilter(logging.Filter):
    """Writes the active tenant's id into every record ("-" for none); drops nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id."""
        tenant = current_tenant()
        record.tenant = "-" if tenant is None else tenant.id
        return True
