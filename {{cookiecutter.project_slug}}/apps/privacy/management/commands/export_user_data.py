"""Export what a tenant holds of one user."""

from pathlib import Path
from shutil import copyfileobj
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.isolation import ActiveTenant
from apps.isolation.context import activate
from apps.privacy.management.commands import erase_user_data
from apps.privacy.models import PrivacyRequest, RequestKind


class Command(erase_user_data.Command):
    """``export_user_data TENANT USER [--output FILE] [--dry-run] [--json]``."""

    help = "Export what a tenant holds of one member or former member, for them to fetch."
    kind = RequestKind.EXPORT

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument("--output", type=Path, help="a zip file to write a copy to")

    def deliver(self, request: PrivacyRequest, options: dict[str, Any]) -> None:
        """Copy the content, if that is wished for, into a file that nobody else may read."""
        path = options["output"]
        if path is None or not request.content:
            return
        try:
            path.touch(mode=0o600, exist_ok=False)
            with (
                activate(ActiveTenant(request.tenant_id)),
                request.content.open() as content,
                path.open("wb") as file,
            ):
                copyfileobj(content, file)
        except OSError as error:
            message = f"It is done, but {path} cannot be written: {error}"
            raise CommandError(message) from error
