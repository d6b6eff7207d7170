"""Exceptions of exports and imports."""


class ArchiveError(Exception):
    """An archive cannot be written, read or imported; the message says why."""
