"""A task in a module that no worker imports before it needs it."""

from apps.isolation.integrations.tasks import platform_task
from tests.sample.models import Shelf


@platform_task
def count_shelves() -> int:
    """Read tenant data without a tenant."""
    return Shelf.objects.count()
