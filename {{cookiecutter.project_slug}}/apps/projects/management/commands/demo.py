"""From nothing to a running product, in one command."""

import os
import secrets
import socket
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.smoke import SmokeTestFailed, smoke_test

HOST = "127.0.0.1"
PORTS = range(8000, 8100)


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
        port = _free_port(options["port"])
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


def _free_port(wanted: int | None) -> int:
    """Return the wanted port, or the first free one; raise CommandError if there is none."""
    for port in [wanted] if wanted else PORTS:
        with socket.socket() as probe:
            # As the server does, so that a port that was in use a moment ago counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except (OSError, OverflowError):  # the latter for what is no port at all
                continue
            return port
    taken = f"Port {wanted} is" if wanted else f"Ports {PORTS[0]} to {PORTS[-1]} are"
    message = f"{taken} in use or not allowed; choose another with --port."
    raise CommandError(message)


ADVICE = """
Two tenants are served, each at its own address:

  {acme}/     owner@acme.test, admin@…, member@…, viewer@…
  {globex}/   the same four @globex.test; both@example.test is in both
  {shared}/          sign up with a tenant of your own; mails are shown here
  {shared}/api/docs/ the API's documentation

Password: {password}

Log in in a browser, or to the API; then ask acme and globex for tasks with acme's token:

  curl -s {acme}/api/v1/auth/token/ \\
    --json '{{"email": "member@acme.test", "password": "{password}"}}'
  curl -s {acme}/api/v1/tasks/ -H "Authorization: Bearer PASTE-THE-ACCESS-TOKEN-HERE"
  curl -s {globex}/api/v1/tasks/ -H "Authorization: Bearer PASTE-THE-ACCESS-TOKEN-HERE"

Stop with Ctrl-C.
"""
