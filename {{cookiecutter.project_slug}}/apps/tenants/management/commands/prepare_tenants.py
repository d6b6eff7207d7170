"""Provision storage for new tenants in advance."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenants.management.base import in_a_sentence
from apps.tenants.pending import prepare


class Command(BaseCommand):
    """``prepare_tenants COUNT``."""

    help = "Provision storage in advance until this many new tenants can use it; remove the rest."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("count", type=int, help="number of pending tenants; 0 for none")

    def handle(self, *args: object, count: int, **options: object) -> None:
        """Print a line for each pending tenant that is created or removed."""
        if count < 0:
            raise CommandError("The number of pending tenants cannot be negative.")
        with in_a_sentence("provision storage"):
            for pk in prepare(count):
                self.stdout.write(str(pk))
        self.stdout.write(self.style.SUCCESS(f"Ready: {count}"))
