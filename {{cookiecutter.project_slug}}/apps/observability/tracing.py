"""OpenTelemetry traces: a span for each request, with a child span for each SQL statement.

https://opentelemetry.io/docs/languages/python/
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.http import HttpRequest, HttpResponseBase
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, Status, get_tracer, set_tracer_provider
from opentelemetry.util.types import AttributeValue

from apps.observability.logs import ids_of, scrubbed

# Attributes to export, in the old and the new naming convention of the instrumentation. The
# client's address, query string and browser are not among them.
EXPORTED = {"tenant.id", "user.id", "request.id", "error.type"}
EXPORTED |= {"http.method", "http.request.method", "http.route"}
EXPORTED |= {"http.status_code", "http.response.status_code"}
EXPORTED |= {"db.system", "db.system.name", "db.name", "db.namespace"}
EXPORTED |= {"db.statement", "db.query.text"}


class CleanSpans(BatchSpanProcessor):
    """Exports spans without a user's input and without the client's address."""

    def on_end(self, span: ReadableSpan) -> None:
        """Export the span with the permitted attributes only."""
        super().on_end(
            ReadableSpan(
                name=scrubbed(span.name),
                context=span.context,
                parent=span.parent,
                resource=span.resource,
                attributes=_exported(span.attributes or {}),
                kind=span.kind,
                status=Status(span.status.status_code),
                start_time=span.start_time,
                end_time=span.end_time,
                instrumentation_scope=span.instrumentation_scope,
            )
        )


def trace_requests(service: str) -> None:
    """Trace the requests of this process. The SDK's own variables name the collector."""
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    provider.add_span_processor(CleanSpans(OTLPSpanExporter()))
    set_tracer_provider(provider)
    DjangoInstrumentor().instrument(
        tracer_provider=provider, response_hook=_name_ids, excluded_urls="healthz,metrics"
    )
    PsycopgInstrumentor().instrument(tracer_provider=provider)


@contextmanager
def continued(headers: Mapping[str, str], name: str) -> Iterator[None]:
    """Run a block as a span of the trace that the headers identify."""
    tracer = get_tracer(__name__)
    with tracer.start_as_current_span(name, context=extract(headers)) as span:
        _name_ids(span, None)
        yield


def _name_ids(
    span: Span, request: HttpRequest | None, response: HttpResponseBase | None = None
) -> None:
    for name, value in ids_of(request).items():
        span.set_attribute(f"{name.removesuffix('_id')}.id", str(value))


def _exported(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    return {
        name: scrubbed(value) if isinstance(value, str) else value
        for name, value in attributes.items()
        if name in EXPORTED
    }
