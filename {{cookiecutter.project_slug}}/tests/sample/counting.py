"""A task in a module that a worker imports only for this task."""

from apps.isolation.integrations.tasks import platform_task
from tests.sample.models import Shelf


@platform_task
def count_shelves() -> int:
    """Read tenant data without a tenant."""
    return Shelf.objects.count()
