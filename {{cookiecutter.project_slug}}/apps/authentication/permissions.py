"""Authorisation by role."""

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.memberships.models import Membership
from apps.memberships.roles import Role

if TYPE_CHECKING:  # it imports this module
    from rest_framework.views import APIView


class HasRole(BasePermission):
    """Admits members with at least the role that the view requires.

    A view sets ``read_role`` and, if it writes, ``write_role``. A view without them answers with
    an error instead of data.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Compare the current membership's role with the required one."""
        membership = request.auth
        if not isinstance(membership, Membership):
            return False
        if not hasattr(view, str(request.method).lower()):
            return True  # nothing to permit: the view answers 405
        attribute = "read_role" if request.method in SAFE_METHODS else "write_role"
        wanted = getattr(view, attribute, None)
        if not isinstance(wanted, Role):
            message = f"{type(view).__name__} must set {attribute}."
            raise ImproperlyConfigured(message)
        return Role(membership.role).reaches(wanted)
