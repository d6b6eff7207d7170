"""Write a tenant's archive."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.portability.exporting import ExportOptions, export_tenant
from apps.portability.management.base import in_sentences, print_report, tenant_called


class Command(BaseCommand):
    """``export_tenant SLUG FILE|- [--with-audit] [--without-files] [--json]``."""

    help = "Write a tenant's rows, files and members into an archive, as of one moment."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="name in the tenant's host name")
        parser.add_argument("file", help="file to create, or - for standard output")
        parser.add_argument("--with-audit", action="store_true", help="add the audit log")
        parser.add_argument("--without-files", action="store_true", help="leave out the files")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *args: object, slug: str, file: str, **options: Any) -> None:
        """Write the archive, or fail with one sentence and leave no file."""
        tenant = tenant_called(slug)
        wanted = ExportOptions(
            with_audit=options["with_audit"], with_files=not options["without_files"]
        )
        with in_sentences(f"export {slug!r}"), _created(file) as stream:
            report = export_tenant(tenant, stream, wanted)
        # Standard output has the archive.
        to = self.stderr if file == "-" else self.stdout
        print_report({"tenant": slug, **report}, to, as_json=options["json"])


@contextmanager
def _created(path: str) -> Iterator[IO[bytes]]:
    """Open standard output, or a new file that only its owner may read.

    The file is deleted if the block fails, and on the disk at its end.
    """
    if path == "-":
        if sys.stdout.isatty():
            raise CommandError("An archive is not for a terminal: name a file, or use a pipe.")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    place = Path(path)
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        try:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        except BaseException:
            place.unlink()
            raise
