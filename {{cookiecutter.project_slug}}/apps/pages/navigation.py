"""Navigation of a tenant's pages. An app adds its links in ``AppConfig.ready``."""

from dataclasses import dataclass

from apps.memberships.roles import Role


@dataclass(frozen=True)
class Link:
    """A link to the view named ``view``, for members whose role is at least ``role``."""

    label: str
    view: str
    role: Role = Role.VIEWER


PLATFORM = [
    Link("Members", "members"),
    Link("Activity", "activity", Role.ADMIN),
    Link("Settings", "settings", Role.ADMIN),
]
_PRODUCT: list[Link] = []


def register(label: str, view: str, *, role: Role = Role.VIEWER) -> None:
    """Add a link before those of the platform; repeating the call changes nothing."""
    link = Link(label, view, role)
    if link not in _PRODUCT:
        _PRODUCT.append(link)


def links_for(role: Role) -> list[Link]:
    """Return the links that a member with this role sees."""
    return [link for link in (*_PRODUCT, *PLATFORM) if role.reaches(link.role)]
