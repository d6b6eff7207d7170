"""Roles of a member."""

from django.db.models import TextChoices


class Role(TextChoices):
    """What a member may do, from least to most. Each role may do what those before it may."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    def reaches(self, wanted: "Role") -> bool:
        """Tell whether this role ranks at least as high as ``wanted``."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(wanted)


INVITED_ROLES = [(role.value, role.label) for role in Role if role != Role.OWNER]
"""Members invite nobody as an Owner: a member is made one, by an Owner who knows them."""
