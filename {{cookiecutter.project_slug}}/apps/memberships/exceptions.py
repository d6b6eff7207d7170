"""Error responses of memberships and invitations."""

from rest_framework import exceptions, status


class LastOwner(exceptions.APIException):
    """The tenant would be left without an Owner."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "At least one Owner must remain: make another member an Owner first."
    default_code = "last_owner"


class InvalidInvitation(exceptions.APIException):
    """The invitation is expired, used, revoked, unknown or foreign. The response is the same."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "This invitation is invalid or has expired."
    default_code = "invalid_invitation"
