"""Log lines that name tenant, user and request, and contain no secrets."""

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

# Secrets to remove from logs, traces and error reports. Any library may put one into a message: the
# database, for example, quotes an e-mail address that violates a unique constraint.
SECRETS = {
    MAILED_TOKEN: r"\1-",
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"): "(token)",
    re.compile(r"://[^/\s:@]*:[^\s@]+@"): "://(password)@",
    re.compile(r"[^\s@<>\"(),;:=]+@[\w-][\w.-]*\w"): "(address)",
}


def scrubbed(text: str) -> str:
    """Replace e-mail addresses, tokens and passwords of database URLs in a text."""
    for pattern, replacement in SECRETS.items():
        text = pattern.sub(replacement, text)
    return text


def ids_of(request: HttpRequest | None) -> dict[str, object]:
    """Return the ids of tenant, user and request, "-" for none, without a database query.

    After the end of a request, only the request object still knows its tenant and user. In a task,
    the ids are those of the user who enqueued it.
    """
    tenant, work = current_tenant() or getattr(request, "tenant", None), current_work.get()
    return {
        "tenant": tenant.id if tenant else work.tenant if work else "-",
        "user": getattr(_known_user(request), "pk", None) or (work.user if work else "-"),
        "request_id": id_of(request) or "-",
    }


def _known_user(request: HttpRequest | None) -> object:
    """Return the user if it is loaded already; a session's user is loaded on first access."""
    user = getattr(request, "__dict__", {}).get("user")
    if isinstance(user, SimpleLazyObject):
        return getattr(request, "_cached_user", None)
    return user


class ContextFilter(logging.Filter):
    """Adds tenant, user, request and task to every record, "-" for none. Drops no record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ids. Django logs a failed request after its end, with the request attached."""
        given = getattr(record, "request", None)
        request = given if isinstance(given, HttpRequest) else current_request.get()
        work = current_work.get()
        vars(record).update(ids_of(request), task=f"{work.task}/{work.id}" if work else "-")
        return True


class QueueFilter(logging.Filter):
    """Drops the queue's own records of single jobs, since they quote arguments."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop a record about a job."""
        return not hasattr(record, "job")


class TokenFilter(logging.Filter):
    """Removes tokens of mailed links from records, for every handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the tokens; drop no record."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                MAILED_TOKEN.sub(r"\1-", each) if isinstance(each, str) else each
                for each in record.args
            )
        return True


class LineFormatter(logging.Formatter):
    """Formats lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without secrets."""
        return scrubbed(super().format(record))


class JSONFormatter(logging.Formatter):
    """Formats lines for machines: only these fields, none that a library adds to a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line as JSON, without secrets."""
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
