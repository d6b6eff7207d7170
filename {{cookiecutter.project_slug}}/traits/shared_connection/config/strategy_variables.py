"""Variables of this isolation strategy: it needs none beside those of the database."""

from config.variable_types import Group


class Strategy(Group):
    """What this isolation strategy needs."""
