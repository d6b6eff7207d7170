"""Error reports and traces, each turned on by a variable of its own.

Their libraries are the dependency group ``telemetry``. Without its variable, neither is loaded.

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

# What a report says of a request; all else of it can hold what somebody wrote.
REPORTED = ("method", "url")


def start_telemetry(*, serves: bool) -> None:
    """Turn on what the settings ask for. Only a process that serves is traced."""
    if settings.SENTRY_DSN:
        report_errors(settings.SENTRY_DSN)
    if serves:
        start_traces()


def start_traces() -> None:
    """Trace what this process does for others, if the settings ask for it."""
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        from apps.observability.tracing import trace_requests  # noqa: PLC0415 - loads the library

        trace_requests(service=settings.OTEL_SERVICE_NAME)


def trace_headers() -> dict[str, str]:
    """Return the headers that name the trace that is going on; none without one."""
    headers: dict[str, str] = {}
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        from opentelemetry.propagate import inject  # noqa: PLC0415 - loads the library

        inject(headers)
    return headers


def continue_trace(headers: Mapping[str, str], name: str) -> AbstractContextManager[object]:
    """Return a block that is a part, called ``name``, of the trace that the headers name."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return nullcontext()
    from apps.observability.tracing import continued  # noqa: PLC0415 - loads the library

    return continued(headers, name)


def report_errors(dsn: str) -> None:
    """Report what nobody caught, and what is logged as an error."""
    import sentry_sdk  # noqa: PLC0415 - loads the library

    sentry_sdk.init(
        dsn,
        before_send=_cleaned,
        send_default_pii=False,
        include_local_variables=False,  # passwords are among them
        max_request_body_size="never",
        auto_session_tracking=False,
    )


def _cleaned(event: "Event", hint: dict[str, object]) -> "Event | None":
    """Say of whom it was by ids, and take away what nobody may read."""
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
