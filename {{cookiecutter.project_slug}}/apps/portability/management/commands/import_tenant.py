"""Import a tenant's archive."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.portability.importing import ImportOptions, cancel_import, import_tenant, preview
from apps.portability.management.base import in_sentences, print_report
from apps.portability.people import read_mapping
from apps.portability.reading import opened_archive

FLAGS = {
    "--trust-addresses": "make members active whom only their verified address identifies",
    "--allow-added": "accept tables and columns that only this installation has",
    "--cancel": "remove what an unfinished import of this archive has left",
    "--dry-run": "validate the archive, and print what would be imported",
    "--json": "print a JSON object",
}


class Command(BaseCommand):
    """``import_tenant FILE|- [--slug NEW] [--users FILE] [--dry-run] [--json] …``."""

    help = "Create a tenant from an archive. Run it again after an interruption."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", help="archive, or - for standard input")
        parser.add_argument("--slug", default="", help="slug here (default: the archive's)")
        parser.add_argument(
            "--users", default="", help="CSV file: address in the archive, address here"
        )
        for flag, text in FLAGS.items():
            parser.add_argument(flag, action="store_true", help=text)

    def handle(self, *args: object, file: str, **options: Any) -> None:
        """Import the archive, or fail with one sentence."""
        with in_sentences(f"import {file}"), opened_archive(file) as archive:
            if options["cancel"]:
                cancel_import(archive.header.tenant, archive.shared)
                report = {"id": str(archive.header.tenant), "status": "removed"}
            else:
                wanted = ImportOptions(
                    slug=options["slug"],
                    mapping=read_mapping(options["users"]),
                    trusts_addresses=options["trust_addresses"],
                    allows_added=options["allow_added"],
                )
                work = preview if options["dry_run"] else import_tenant
                report = {**work(archive, wanted), "dry_run": options["dry_run"]}
        print_report(report, self.stdout, as_json=options["json"])
