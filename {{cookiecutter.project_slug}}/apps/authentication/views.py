"""Log-in, tokens, and who am I."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.authentication.backends import membership_of
from apps.authentication.serializers import (
    MeSerializer,
    TokenPairSerializer,
    TokenRefreshSerializer,
    TokenVerifySerializer,
)
from apps.tenants.models import Membership
from apps.tenants.roles import Role


class TokenView(APIView):
    """Exchanges what the serializer accepts for what it returns."""

    # Credentials are in the body; an Authorization header plays no part here.
    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class: ClassVar[type[BaseSerializer[Any]]]

    def post(self, request: Request) -> Response:
        """Answer with what the serializer makes of the body."""
        serializer = self.serializer_class(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        return Response(serializer.validated_data)

    def get_authenticate_header(self, request: Request) -> str:
        """Name the scheme, without which a refusal would be 403 instead of 401."""
        return 'Bearer realm="api"'


@extend_schema(request=TokenPairSerializer, responses=TokenPairSerializer)
class TokenObtainView(TokenView):
    """Log in to a tenant."""

    serializer_class = TokenPairSerializer


@extend_schema(request=TokenRefreshSerializer, responses=TokenRefreshSerializer)
class TokenRefreshView(TokenView):
    """Exchange a refresh token for a new pair."""

    serializer_class = TokenRefreshSerializer


@extend_schema(request=TokenVerifySerializer, responses={200: None})
class TokenVerifyView(TokenView):
    """Tell whether a token is good."""

    serializer_class = TokenVerifySerializer


class MeView(APIView):
    """Tells who is asking, and where they belong."""

    read_role = Role.VIEWER

    @extend_schema(responses=MeSerializer)
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
        return Response(MeSerializer(body).data)
