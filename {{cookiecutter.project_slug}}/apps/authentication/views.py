"""Views for log-in, tokens, accounts and the current user."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.api.uploads import storage_errors
from apps.authentication import serializers, services
from apps.authentication.current_user import MeSerializer, OwnDataSerializer
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.memberships.selectors import membership_of
from apps.profiles.photos import PhotoParser
from apps.profiles.selectors import profile_of
from apps.profiles.serializers import PhotoSerializer, ProfileSerializer
from apps.profiles.services import remove_photo, set_photo


class OpenView(APIView):
    """A route without authentication: the body contains the credentials."""

    authentication_classes = ()  # an Authorization header is ignored here
    permission_classes = (AllowAny,)
    serializer_class: ClassVar[type[BaseSerializer[object]]]

    def accepted(self, request: Request) -> BaseSerializer[object]:
        """Return the validated serializer."""
        serializer = self.serializer_class(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        return serializer

    def get_authenticate_header(self, request: Request) -> str:
        """Return the scheme, so that errors are 401 instead of 403."""
        return 'Bearer realm="api"'


class ExchangeView(OpenView):
    """Returns the serializer's output for its input, to members only.

    The serializer sets ``request.auth`` to the membership that authorises the request.
    """

    identifies_members = True

    def post(self, request: Request) -> Response:
        return Response(self.accepted(request).validated_data)


class ActionView(OpenView):
    """Calls the serializer's ``save``; the response is empty."""

    @extend_schema(responses={204: None})
    def post(self, request: Request) -> Response:
        self.accepted(request).save()
        return Response(status=status.HTTP_204_NO_CONTENT)


class TokenObtainView(ExchangeView):
    """Log in to a tenant."""

    serializer_class = serializers.TokenPairSerializer


class TokenRefreshView(ExchangeView):
    """Exchange a refresh token for a new pair. Reuse of a token ends the log-in."""

    serializer_class = serializers.TokenRefreshSerializer


@extend_schema(responses={200: None})
class TokenVerifyView(ExchangeView):
    """Check whether a token is valid."""

    serializer_class = serializers.TokenVerifySerializer


class LogoutView(ActionView):
    """End a log-in with all its tokens, including those for other tenants."""

    identifies_members = True
    serializer_class = serializers.LogoutSerializer


class PasswordResetView(ActionView):
    """Send a link to set a new password; the answer does not reveal whether it was sent."""

    serializer_class = serializers.SendPasswordResetSerializer


class PasswordResetConfirmView(ActionView):
    """Set a new password with a mailed token. All tokens of the user end."""

    serializer_class = serializers.ResetPasswordSerializer


class EmailVerifyView(ActionView):
    """Verify an address with a mailed token."""

    serializer_class = serializers.VerifyEmailSerializer


class EmailResendView(ActionView):
    """Send a link to verify an address; the answer does not reveal whether it was sent."""

    serializer_class = serializers.SendVerificationSerializer


class SignUpView(OpenView):
    """Sign up: create a tenant."""

    serializer_class = serializers.SignUpSerializer

    @extend_schema(responses={201: serializers.SignUpSerializer})
    def post(self, request: Request) -> Response:
        """Create a user and a tenant with this Owner; return the Owner's tokens."""
        services.require_open(request)
        return Response(self.accepted(request).save(), status=status.HTTP_201_CREATED)


class MemberExchangeView(APIView):
    """Returns the serializer's output for its input, for members."""

    read_role = write_role = Role.VIEWER
    serializer_class: ClassVar[type[BaseSerializer[object]]]

    def post(self, request: Request) -> Response:
        serializer = self.serializer_class(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        return Response(serializer.validated_data)


class SwitchView(MemberExchangeView):
    """Get tokens for another tenant of the user."""

    serializer_class = serializers.SwitchSerializer


class PasswordChangeView(MemberExchangeView):
    """Change the user's password. All tokens end except those of the response."""

    serializer_class = serializers.ChangePasswordSerializer


class MeView(APIView):
    """The current user and their memberships."""

    read_role = write_role = Role.VIEWER

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Return the user, the tenant, the role in it, and all active memberships."""
        membership = membership_of(request)
        memberships = Membership.objects.for_user(membership.user).filter(is_active=True)
        body = {
            "user": membership.user,
            "tenant": membership.tenant,
            "role": membership.role,
            "profile": profile_of(membership.user_id),
            "memberships": memberships.select_related("tenant").order_by("tenant__slug"),
        }
        return Response(MeSerializer(body).data)

    @extend_schema(request=OwnDataSerializer, responses=MeSerializer)
    def patch(self, request: Request) -> Response:
        """Change the user's own fields, and return the same as GET."""
        user = membership_of(request).user
        serializer = OwnDataSerializer(user, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return self.get(request)


class MyPhotoView(APIView):
    """The user's photo in the tenant."""

    read_role = write_role = Role.VIEWER
    parser_classes = (PhotoParser,)
    serializer_class = PhotoSerializer

    @extend_schema(responses=ProfileSerializer)
    def put(self, request: Request) -> Response:
        """Replace the photo, and return the profile."""
        with storage_errors():
            serializer = PhotoSerializer(data=request.data)
            serializer.is_valid(raise_exception=True)
        profile = set_photo(membership_of(request).user_id, serializer.validated_data["photo"])
        return Response(ProfileSerializer(profile).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Delete the photo."""
        remove_photo(membership_of(request).user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
