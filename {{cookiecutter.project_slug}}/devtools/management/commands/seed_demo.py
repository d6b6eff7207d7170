"""Create two demo tenants with users and data."""

import os
from typing import Any

from django.core.management.base import BaseCommand

from devtools.demo import UNCHANGED
from devtools.seeding import seed


class Command(BaseCommand):
    """``seed_demo``. A second run changes nothing."""

    help = "Create two tenants with users; print their password, which is DEMO_PASSWORD or random."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create missing tenants, users and data."""
        password = seed(self.stdout.write)
        if not os.environ.get("DEMO_PASSWORD"):
            self.stdout.write(f"Password of all demo users: {password or UNCHANGED}")
