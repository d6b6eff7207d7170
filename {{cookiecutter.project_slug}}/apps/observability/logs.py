"""Log lines: they name tenant, user and request, and tell no secret."""

import json
import logging
import re
from datetime import UTC, datetime

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.isolation import current_tenant
from apps.observability.background import current_work
from apps.observability.request_id import current_request, id_of

# The path of the page that a mailed link leads to holds its token.
MAILED_TOKEN = re.compile("(/(?:invitations|verify-email|password-reset)/)[^/ ]+")

# What nobody may read in a log, a trace or an error report, whoever put it into a message: the
# database, for one, names the address that is taken already.
SECRETS = {
    MAILED_TOKEN: r"\1-",
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"): "(token)",
    re.compile(r"://[^/\s:@]*:[^\s@]+@"): "://(password)@",
    re.compile(r"[^\s@<>\"(),;:=]+@[\w-][\w.-]*\w"): "(address)",
}


def scrubbed(text: str) -> str:
    """Return a text without addresses, tokens and the passwords of database URLs."""
    for pattern, replacement in SECRETS.items():
        text = pattern.sub(replacement, text)
    return text


def ids_of(request: HttpRequest | None) -> dict[str, object]:
    """Return the ids of tenant, user and request, "-" for none; asks no database.

    After the end of a request only the request itself still tells whose it was. In a task they are
    those of whoever enqueued it.
    """
    tenant, work = current_tenant() or getattr(request, "tenant", None), current_work.get()
    return {
        "tenant": tenant.id if tenant else work.tenant if work else "-",
        "user": getattr(_known_user(request), "pk", None) or (work.user if work else "-"),
        "request_id": id_of(request) or "-",
    }


def _known_user(request: HttpRequest | None) -> object:
    """Return the user if somebody has asked for it: by a session it is looked up only then."""
    user = getattr(request, "__dict__", {}).get("user")
    if isinstance(user, SimpleLazyObject):
        return getattr(request, "_cached_user", None)
    return user


class ContextFilter(logging.Filter):
    """Writes tenant, user, request and task into every record ("-" for none); drops nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ids. Django says of a request how it ended when it has ended already."""
        given = getattr(record, "request", None)
        request = given if isinstance(given, HttpRequest) else current_request.get()
        work = current_work.get()
        vars(record).update(ids_of(request), task=f"{work.task}/{work.id}" if work else "-")
        return True


class QueueFilter(logging.Filter):
    """Drops what the queue says of single jobs: it quotes their arguments."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop a record that has a job."""
        return not hasattr(record, "job")


class TokenFilter(logging.Filter):
    """Writes no token of a mail into a record, whoever handles it then."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Put something else in its place; drop nothing."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                MAILED_TOKEN.sub(r"\1-", each) if isinstance(each, str) else each
                for each in record.args
            )
        return True


class LineFormatter(logging.Formatter):
    """Lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without what nobody may read."""
        return scrubbed(super().format(record))


class JSONFormatter(logging.Formatter):
    """Lines for machines: these fields, and nothing that a library adds to a record by itself."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without what nobody may read."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "exception": self.formatException(record.exc_info) if record.exc_info else "",
        }
        ids = {name: str(vars(record)[name]) for name in ("tenant", "user", "request_id")}
        if vars(record)["task"] != "-":
            ids["task"] = vars(record)["task"]
        return json.dumps({name: scrubbed(text) for name, text in fields.items() if text} | ids)
