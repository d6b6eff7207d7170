"""From nothing to a running product, in one command."""

import os
import secrets
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.demo import ADVICE, HOST, SmokeTestFailed, free_port, smoke_test


class Command(BaseCommand):
    """``demo [--port PORT] [--check]``."""

    help = "Migrate, make two demo tenants, serve them, and print what to try."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--port", type=int, help="port to serve on (default: from 8000 up)")
        parser.add_argument(
            "--check", action="store_true", help="test the running server over HTTP, then exit"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do all of it."""
        if not settings.DEBUG:
            message = "demo makes users with a known password; it is for development settings only."
            raise CommandError(message)
        try:
            port = free_port(options["port"])
        except OSError as error:
            raise CommandError(str(error)) from error
        password = os.environ.setdefault("DEMO_PASSWORD", secrets.token_urlsafe(9))
        call_command("migrate", verbosity=0, stdout=self.stdout)
        call_command("seed_demo", stdout=self.stdout)
        if options["check"]:
            self._check(port, password)
        else:
            self._serve(port, password)

    def _serve(self, port: int, password: str) -> None:
        advice = ADVICE.format(
            acme=f"http://acme.localhost:{port}",
            globex=f"http://globex.localhost:{port}",
            shared=f"http://localhost:{port}",
            password=password,
        )
        self.stdout.write(advice)
        self.stdout.flush()
        # Links in mails and between tenants' pages lead to where they are served now.
        settings.PLATFORM_ORIGIN = f"http://localhost:{port}"
        settings.TENANT_URL = f"http://{{domain}}:{port}"
        call_command("runserver", f"{HOST}:{port}", use_reloader=False)

    def _check(self, port: int, password: str) -> None:
        command = [sys.executable, sys.argv[0], "runserver", "--noreload", f"{HOST}:{port}"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            for line in smoke_test(HOST, port, password):
                self.stdout.write(f"ok  {line}")
        except SmokeTestFailed as failure:
            server.terminate()
            log = server.communicate()[1].decode(errors="replace")
            message = f"{failure}\nThe server said:\n{log[-4000:]}"
            raise CommandError(message) from failure
        finally:
            server.terminate()
            server.communicate()
        self.stdout.write(self.style.SUCCESS("The demo works."))
