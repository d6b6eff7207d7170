"""Prepare the database, create the demo's data, and serve it."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from devtools.demo import HOST, UNCHANGED, SmokeTestFailed, advice, check, free_port, start_worker
from devtools.seeding import seed


class Command(BaseCommand):
    """``demo [--port PORT] [--check]``."""

    help = "Migrate, create two demo tenants, serve them, and print requests to try."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--port", type=int, help="port to serve on (default: from 8000 up)")
        parser.add_argument(
            "--check", action="store_true", help="test the running server over HTTP, then exit"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare and serve the demo."""
        if not settings.DEBUG:
            message = "demo creates users with a known password; it needs development settings."
            raise CommandError(message)
        try:
            port = free_port(options["port"])
        except OSError as error:
            raise CommandError(str(error)) from error
        call_command("migrate", verbosity=0, stdout=self.stdout)
        password = seed(self.stdout.write)
        if options["check"]:
            self._check(port, password)
        else:
            self._serve(port, password)

    def _serve(self, port: int, password: str | None) -> None:
        self.stdout.write(advice(port, password))
        self.stdout.flush()
        # Links in mails and between tenants use this port.
        settings.PLATFORM_ORIGIN = f"http://localhost:{port}"
        settings.TENANT_URL = f"http://{{domain}}:{port}"
        start_worker()
        call_command("runserver", f"{HOST}:{port}", use_reloader=False)

    def _check(self, port: int, password: str | None) -> None:
        if password is None:
            raise CommandError(f"The password of the demo's users is {UNCHANGED}.")
        try:
            for line in check(port, password):
                self.stdout.write(f"ok  {line}")
        except SmokeTestFailed as failure:
            raise CommandError(str(failure)) from failure
        self.stdout.write(self.style.SUCCESS("The demo works."))
