"""Tasks of the library."""

from uuid import UUID

from django.db import connection, transaction
from django.tasks import TaskContext, task

from apps.isolation import current_tenant
from apps.isolation.integrations.limits import allow_long_statements
from apps.isolation.integrations.tasks import platform_task
from tests.sample.models import Label, Shelf

LOCK = 20_260_000
"""Number of the lock that `wait_and_label` waits for."""

seen: list[UUID | None] = []
"""The tenants in which `note_tenant` ran, in this process."""


@task
def note_tenant() -> None:
    """Note the tenant."""
    tenant = current_tenant()
    seen.append(tenant.id if tenant else None)


@platform_task
def note_nobody() -> None:
    """Note that there is no tenant."""
    tenant = current_tenant()
    seen.append(tenant.id if tenant else None)


@task
def build_shelf(name: str) -> None:
    """Make a shelf that is named after how many the tenant had, and the argument."""
    Shelf.objects.create(name=f"{Shelf.objects.count()} {name}")


@task
def break_down(word: str) -> None:
    """Make a label, and fail."""
    Label.objects.create(word=word)
    raise ZeroDivisionError(word)


@task(takes_context=True)
def label_attempt(context: TaskContext[..., None]) -> None:
    """Make a label that tells which attempt this is."""
    Label.objects.create(word=f"attempt {context.attempt}")


@task
def wait_and_label(word: str) -> None:
    """Wait until nobody holds a lock, and make a label."""
    with transaction.atomic():
        allow_long_statements()
        # every tenant: a lock is in no table.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        Label.objects.create(word=word)
