"""Compare a tenant with an archive."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.portability.management.base import in_sentences, print_report, tenant_called
from apps.portability.people import read_mapping
from apps.portability.reading import opened_archive
from apps.portability.verifying import differences


class Command(BaseCommand):
    """``verify_tenant SLUG FILE|- [--users FILE] [--allow-added] [--json]``."""

    help = "Compare a tenant's rows and files with an archive; fail if they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="name in the tenant's host name")
        parser.add_argument("file", help="archive, or - for standard input")
        parser.add_argument("--users", default="", help="the CSV file of the import")
        parser.add_argument(
            "--allow-added", action="store_true", help="ignore columns that only this side has"
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *args: object, slug: str, file: str, **options: Any) -> None:
        """Print the differences; exit with an error if there are any."""
        tenant = tenant_called(slug)
        with in_sentences(f"verify {slug!r}"), opened_archive(file) as archive:
            mapping = read_mapping(options["users"])
            allows = options["allow_added"]
            found = differences(tenant, archive, mapping, allows_added=allows)
            report = {"tenant": slug, "archive": str(archive.header.archive)}
            report["rows"] = str(sum(each.rows for each in archive.manifest.tables.values()))
        problems = {"differences": found}
        print_report({**report, **problems}, self.stdout, as_json=options["json"])
        if found:
            raise CommandError(f"{len(found)} tables or files differ from the archive.")
