"""Variables of this isolation strategy, which needs only those of the database."""

from config.variable_types import Group


class Strategy(Group):
    """Variables of the isolation strategy."""
