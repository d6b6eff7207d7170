"""The end of a tenant over the API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_204_NO_CONTENT
from rest_framework.views import APIView

from apps.authentication.serializers import OwnPasswordSerializer
from apps.memberships.roles import Role
from apps.memberships.selectors import membership_of
from apps.offboarding.services import archive_as_owner


class ArchiveView(APIView):
    """End of the tenant."""

    read_role = write_role = Role.OWNER

    @extend_schema(request=OwnPasswordSerializer, responses={HTTP_204_NO_CONTENT: None})
    def post(self, request: Request) -> Response:
        """Archive the tenant: end its service now, and delete its data after a time of grace."""
        serializer = OwnPasswordSerializer(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        archive_as_owner(membership_of(request))
        return Response(status=HTTP_204_NO_CONTENT)
