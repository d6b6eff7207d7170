"""Tasks of the sample app."""

from uuid import UUID

from django.db import connection, transaction
from django.tasks import TaskContext, task

from apps.isolation import current_tenant
from apps.isolation.integrations.limits import allow_long_statements
from apps.isolation.integrations.tasks import platform_task
from tests.sample.models import Label, Shelf

LOCK = 20_260_000
"""Number of the advisory lock that `wait_and_label` waits for."""

seen: list[UUID | None] = []
"""The tenants in which `note_tenant` ran, in this process."""


@task
def note_tenant() -> None:
    """Record the active tenant."""
    tenant = current_tenant()
    seen.append(tenant.id if tenant else None)


@platform_task
def note_nobody() -> None:
    """Record that no tenant is active."""
    tenant = current_tenant()
    seen.append(tenant.id if tenant else None)


@task
def build_shelf(name: str) -> None:
    """Create a shelf, named after the number of the tenant's shelves and the argument."""
    Shelf.objects.create(name=f"{Shelf.objects.count()} {name}")


@task
def break_down(word: str) -> None:
    """Create a label, and fail."""
    Label.objects.create(word=word)
    raise ZeroDivisionError(word)


@task(takes_context=True)
def label_attempt(context: TaskContext[..., None]) -> None:
    """Create a label with the number of the attempt."""
    Label.objects.create(word=f"attempt {context.attempt}")


@task
def wait_and_label(word: str) -> None:
    """Wait for a lock, and create a label."""
    with transaction.atomic():
        allow_long_statements()
        # every tenant: locks are not rows.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        Label.objects.create(word=word)
