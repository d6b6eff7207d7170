"""Error reports and traces, each enabled by an environment variable.

Their libraries are the dependency group ``telemetry``. They are imported only when enabled.

https://docs.sentry.io/platforms/python/integrations/django/
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from django.conf import settings

from apps.observability.logs import ids_of, scrubbed
from apps.observability.request_id import current_request

if TYPE_CHECKING:
    from sentry_sdk.types import Event

# Attributes of a request that reports contain. All others may hold a user's input.
REPORTED = ("method", "url")


def start_telemetry(*, serves: bool) -> None:
    """Enable error reports and traces as the settings say; traces only if the process serves."""
    if settings.SENTRY_DSN:
        report_errors(settings.SENTRY_DSN)
    if serves:
        start_traces()


def start_traces() -> None:
    """Enable traces of the requests and tasks of this process, if the settings say so."""
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        from apps.observability.tracing import trace_requests  # noqa: PLC0415 - loads the library

        trace_requests(service=settings.OTEL_SERVICE_NAME)


def trace_headers() -> dict[str, str]:
    """Return the headers that identify the current trace; empty without a trace."""
    headers: dict[str, str] = {}
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        from opentelemetry.propagate import inject  # noqa: PLC0415 - loads the library

        inject(headers)
    return headers


def continue_trace(headers: Mapping[str, str], name: str) -> AbstractContextManager[object]:
    """Return a context manager for a span ``name`` of the trace that the headers identify."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return nullcontext()
    from apps.observability.tracing import continued  # noqa: PLC0415 - loads the library

    return continued(headers, name)


def report_errors(dsn: str) -> None:
    """Report unhandled exceptions, and records of the level ERROR."""
    import sentry_sdk  # noqa: PLC0415 - loads the library

    sentry_sdk.init(
        dsn,
        before_send=_cleaned,
        send_default_pii=False,
        include_local_variables=False,  # may be passwords
        max_request_body_size="never",
        auto_session_tracking=False,
    )


def _cleaned(event: "Event", hint: dict[str, object]) -> "Event | None":
    """Tag the event with ids of tenant, user and request, and remove secrets."""
    ids = {name: str(value) for name, value in ids_of(current_request.get()).items()}
    event["tags"] = {**dict(event.get("tags", {})), **ids}
    request = event.get("request", {})
    event["request"] = {name: request[name] for name in REPORTED if name in request}
    cleaned: Event = _scrubbed(event)
    return cleaned


def _scrubbed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _scrubbed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_scrubbed(each) for each in value]
    return scrubbed(value) if isinstance(value, str) else value
