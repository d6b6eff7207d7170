"""Log records."""

import logging
import re

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


class TokenFilter(logging.Filter):
    """Writes no token of a mail into the log, which is in the path of the page that it leads to."""

    pattern = re.compile("(/(?:invitations|verify-email|password-reset)/)[^/ ]+")

    def filter(self, record: logging.LogRecord) -> bool:
        """Put something else in its place; drop nothing."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                self.pattern.sub(r"\1-", each) if isinstance(each, str) else each
                for each in record.args
            )
        return True
