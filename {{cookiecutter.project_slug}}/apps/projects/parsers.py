"""Parsers for bodies with files."""

from apps.api.uploads import UploadParser
from apps.projects.services import require_room


class AttachmentParser(UploadParser):
    """Parser for the body of an attachment."""

    def require_size(self, size: int) -> None:
        """Raise `FileTooLarge` or `StorageFull`."""
        require_room(size)
