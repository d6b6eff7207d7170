"""Log records."""

import logging

from apps.audit.requests import id_of
from apps.isolation import current_tenant


class ContextFilter(logging.Filter):
    """Writes tenant and request into every record ("-" for none); drops nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ids. Django says of a request how it ended when it has ended already."""
        tenant = current_tenant()
        record.tenant = "-" if tenant is None else tenant.id
        record.request_id = id_of(getattr(record, "request", None)) or "-"
        return True
