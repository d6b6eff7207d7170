"""Roles of a member."""

from django.db.models import TextChoices


class Role(TextChoices):
    """Roles of members, in ascending order. Each includes the permissions of those before it."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    def reaches(self, wanted: "Role") -> bool:
        """Return whether this role ranks at least as high as ``wanted``."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(wanted)


INVITED_ROLES = [(role.value, role.label) for role in Role if role != Role.OWNER]
"""Roles that members may invite to. Owners are not among them: an Owner promotes a member."""
