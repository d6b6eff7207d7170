"""Export one user's data in one tenant."""

from apps.privacy.management.commands import erase_user_data
from apps.privacy.models import RequestKind


class Command(erase_user_data.Command):
    """``export_user_data TENANT USER [--dry-run] [--json]``."""

    help = "Export the data of a member or former member in one tenant, for them to download."
    kind = RequestKind.EXPORT
