"""Answer the installation from which a tenant moves."""

import sys
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandParser

from apps.moves.receiving import VERBS, Request
from apps.portability.importing import ImportOptions
from apps.portability.management.base import in_sentences
from apps.portability.people import read_mapping


class Command(BaseCommand):
    """``receive_tenant VERB ID``: reads a question or an archive, and prints JSON.

    An empty line says that it has started.
    """

    help = "Receive a tenant from another installation. move_tenant there calls this command."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("verb", choices=VERBS)
        parser.add_argument("tenant", type=UUID, help="id of the tenant")
        parser.add_argument("--slug", default="", help="slug here (default: the same)")
        parser.add_argument("--users", default="", help="as for import_tenant")
        parser.add_argument("--trust-addresses", action="store_true", help="as for import_tenant")

    def handle(self, *args: object, verb: str, tenant: UUID, **options: Any) -> None:
        """Do one step of the move, or fail with one sentence."""
        self.stdout.write()
        self.stdout.flush()
        with in_sentences(f"{verb} the tenant"):
            wanted = ImportOptions(
                slug=options["slug"],
                mapping=read_mapping(options["users"]),
                trusts_addresses=options["trust_addresses"],
                opens=verb == "open",
                keeps=True,
                accepts_changes=True,
            )
            answer = VERBS[verb](Request(tenant, wanted, sys.stdin.buffer.read))
        self.stdout.write(answer.model_dump_json())
