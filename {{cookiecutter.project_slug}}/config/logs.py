"""What is told of the work: log lines, and, each by its own variable, traces and reports of errors.

The libraries for the last two are the dependency group ``telemetry``. Without its variable, neither
is even loaded.

https://docs.sentry.io/platforms/python/integrations/django/
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.audit.requests import current_request, id_of
from apps.isolation import current_tenant
from config.env import env

if TYPE_CHECKING:
    from sentry_sdk.types import Event

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


def ids_of(request: HttpRequest | None) -> dict[str, Any]:
    """Return the ids of tenant, user and request, "-" for none; asks no database.

    After the end of a request only the request itself still tells whose it was.
    """
    tenant = current_tenant() or getattr(request, "tenant", None)
    return {
        "tenant": "-" if tenant is None else tenant.id,
        "user": getattr(_known_user(request), "pk", None) or "-",
        "request_id": id_of(request) or "-",
    }


def _known_user(request: HttpRequest | None) -> Any:
    """Return the user if somebody has asked for it: by a session it is looked up only then."""
    user = getattr(request, "__dict__", {}).get("user")
    if isinstance(user, SimpleLazyObject):
        return getattr(request, "_cached_user", None)
    return user


class ContextFilter(logging.Filter):
    """Writes tenant, user and request into every record ("-" for none); drops nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ids. Django says of a request how it ended when it has ended already."""
        given = getattr(record, "request", None)
        request = given if isinstance(given, HttpRequest) else current_request.get()
        vars(record).update(ids_of(request))
        return True


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
        return json.dumps({name: scrubbed(text) for name, text in fields.items() if text} | ids)


# Of a request in a report; all else of it can hold what somebody wrote.
TOLD = ("method", "url")


def start_telemetry(*, serves: bool) -> None:
    """Turn on what the environment asks for. Only a process that serves is traced."""
    if dsn := env.str("SENTRY_DSN", default=""):
        report_errors(dsn)
    if serves and env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default=""):
        from config.tracing import trace_requests  # noqa: PLC0415 - loads the library

        trace_requests(service=env.str("OTEL_SERVICE_NAME", default="web"))


def report_errors(dsn: str) -> None:
    """Report what nobody caught, and what is logged as an error."""
    import sentry_sdk  # noqa: PLC0415 - see above

    sentry_sdk.init(
        dsn,
        before_send=_cleaned,
        send_default_pii=False,
        include_local_variables=False,  # passwords are among them
        max_request_body_size="never",
        auto_session_tracking=False,
    )


def _cleaned(event: "Event", hint: dict[str, Any]) -> "Event | None":
    """Say of whom it was by ids, and take away what nobody may read."""
    ids = {name: str(value) for name, value in ids_of(current_request.get()).items()}
    event["tags"] = {**dict(event.get("tags", {})), **ids}
    request = event.get("request", {})
    event["request"] = {name: request[name] for name in TOLD if name in request}
    cleaned: Event = _scrubbed(event)
    return cleaned


def _scrubbed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _scrubbed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_scrubbed(each) for each in value]
    return scrubbed(value) if isinstance(value, str) else value
