"""Traces continue in tasks."""

from typing import Any

import pytest

from apps.observability.tests.test_telemetry import OFF, _parsed, receiver
from tests.support import run

SCRIPT = """
import sys, types, uuid
import config.wsgi
from opentelemetry.trace import get_tracer, get_tracer_provider
from apps.isolation import tenant_context
from apps.tasks.testing import run_enqueued_tasks
from tests.sample import tasks

tenant = types.SimpleNamespace(id=uuid.UUID(sys.argv[1]), is_usable=True)
with get_tracer("a test").start_as_current_span("request"), tenant_context(tenant):
    tasks.note_tenant.enqueue()
run_enqueued_tasks()
get_tracer_provider().force_flush()
"""


@pytest.mark.django_db(transaction=True)
def test_task_continues_the_trace_of_its_request(acme: Any) -> None:
    with receiver() as (address, bodies):
        variables = OFF | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{address}"}
        done = run("-c", SCRIPT, str(acme.pk), **variables)
        assert done.returncode == 0, done.stderr
    spans = {
        span.name: span
        for body in bodies
        for resource in _parsed(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
    request, task = spans["request"], spans["tests.sample.tasks.note_tenant"]
    assert task.trace_id == request.trace_id
    attributes = {each.key: each.value.string_value for each in task.attributes}
    assert attributes["tenant.id"] == str(acme.pk)
