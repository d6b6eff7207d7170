"""Log-in, tokens, accounts, and who am I."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.authentication import serializers, services
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.memberships.selectors import membership_of


class OpenView(APIView):
    """A route for everybody: what it takes to be let in is in the body."""

    authentication_classes = ()  # an Authorization header plays no part here
    permission_classes = (AllowAny,)
    serializer_class: ClassVar[type[BaseSerializer[object]]]

    def accepted(self, request: Request) -> BaseSerializer[object]:
        """Return the serializer that has accepted the body."""
        serializer = self.serializer_class(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        return serializer

    def get_authenticate_header(self, request: Request) -> str:
        """Name the scheme, without which an error would be 403 instead of 401."""
        return 'Bearer realm="api"'


class ExchangeView(OpenView):
    """Exchanges what the serializer accepts for what it returns, which only a member has.

    The serializer sets ``request.auth`` to what lets the request in.
    """

    judges_members = True

    def post(self, request: Request) -> Response:
        return Response(self.accepted(request).validated_data)


class ActionView(OpenView):
    """Does what the serializer's ``save`` does; there is nothing to answer."""

    @extend_schema(responses={204: None})
    def post(self, request: Request) -> Response:
        self.accepted(request).save()
        return Response(status=status.HTTP_204_NO_CONTENT)


class TokenObtainView(ExchangeView):
    """Log in to a tenant."""

    serializer_class = serializers.TokenPairSerializer


class TokenRefreshView(ExchangeView):
    """Exchange a refresh token for a new pair. One that comes back ends the log-in."""

    serializer_class = serializers.TokenRefreshSerializer


@extend_schema(responses={200: None})
class TokenVerifyView(ExchangeView):
    """Tell whether a token is good."""

    serializer_class = serializers.TokenVerifySerializer


class LogoutView(ActionView):
    """End a log-in with all its tokens, those for other tenants too."""

    judges_members = True
    serializer_class = serializers.LogoutSerializer


class PasswordResetView(ActionView):
    """Send a link by which to set a new password; the answer does not tell whether it was sent."""

    serializer_class = serializers.SendPasswordResetSerializer


class PasswordResetConfirmView(ActionView):
    """Set a new password by the token of a mail. All tokens of the user end."""

    serializer_class = serializers.ResetPasswordSerializer


class EmailVerifyView(ActionView):
    """Verify an address by the token of a mail."""

    serializer_class = serializers.VerifyEmailSerializer


class EmailResendView(ActionView):
    """Send a link that verifies an address; the answer does not tell whether it was sent."""

    serializer_class = serializers.SendVerificationSerializer


class SignUpView(OpenView):
    """Sign up: make a tenant."""

    serializer_class = serializers.SignUpSerializer

    @extend_schema(responses={201: serializers.SignUpSerializer})
    def post(self, request: Request) -> Response:
        """Make a user, a tenant and the user its owner; answer with the owner's tokens."""
        services.require_open(request)
        return Response(self.accepted(request).save(), status=status.HTTP_201_CREATED)


class MemberExchangeView(APIView):
    """Exchanges what the serializer accepts for what it returns, for members."""

    read_role = write_role = Role.VIEWER
    serializer_class: ClassVar[type[BaseSerializer[object]]]

    def post(self, request: Request) -> Response:
        serializer = self.serializer_class(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        return Response(serializer.validated_data)


class SwitchView(MemberExchangeView):
    """Get tokens for another of one's tenants."""

    serializer_class = serializers.SwitchSerializer


class PasswordChangeView(MemberExchangeView):
    """Change one's password. All tokens end but those of the answer."""

    serializer_class = serializers.ChangePasswordSerializer


class MeView(APIView):
    """Tells who is asking, and where they belong."""

    read_role = write_role = Role.VIEWER

    @extend_schema(responses=serializers.MeSerializer)
    def get(self, request: Request) -> Response:
        """Answer with the user, the tenant, the role in it, and all active memberships."""
        membership = membership_of(request)
        memberships = Membership.objects.for_user(membership.user).filter(is_active=True)
        body = {
            "user": membership.user,
            "tenant": membership.tenant,
            "role": membership.role,
            "memberships": memberships.select_related("tenant").order_by("tenant__slug"),
        }
        return Response(serializers.MeSerializer(body).data)

    @extend_schema(request=serializers.UserSerializer, responses=serializers.MeSerializer)
    def patch(self, request: Request) -> Response:
        """Change what one may change of oneself, and answer as GET does."""
        user = membership_of(request).user
        serializer = serializers.UserSerializer(user, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return self.get(request)
