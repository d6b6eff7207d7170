"""Views of the tenant, its members, its invitations and its audit log."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView, ListCreateAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.status import HTTP_200_OK, HTTP_204_NO_CONTENT
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from apps.api.downloads import ContentMixin
from apps.audit.filters import AuditEventFilter
from apps.audit.models import AuditEvent
from apps.audit.serializers import AuditEventSerializer
from apps.isolation import require_tenant
from apps.memberships import invitations, selectors, serializers, services
from apps.memberships.models import Invitation, Membership
from apps.memberships.roles import Role
from apps.memberships.selectors import membership_of
from apps.profiles.models import Profile
from apps.profiles.photos import CONTENT_TYPE, send_photo
from apps.tenants.resolver import wanted_tenant
from apps.tenants.serializers import TenantDetailSerializer


def _checked[T](serializer: BaseSerializer[T]) -> Any:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


class TenantView(APIView):
    """The tenant of the request."""

    serializer_class = TenantDetailSerializer
    read_role = Role.VIEWER
    write_role = Role.ADMIN

    def get(self, request: Request) -> Response:
        """Answer with the tenant and its settings."""
        return Response(TenantDetailSerializer(membership_of(request).tenant).data)

    def patch(self, request: Request) -> Response:
        """Change the name or some settings; omitted values stay."""
        given = _checked(TenantDetailSerializer(data=request.data, partial=True))
        name = {"name": given.pop("name")} if "name" in given else {}
        tenant = services.change_settings(membership_of(request), given, **name)
        return Response(TenantDetailSerializer(tenant).data)


class MemberListView(ListAPIView[Membership]):
    """The tenant's members, newest first."""

    queryset = Membership.platform.none()
    serializer_class = serializers.MemberSerializer
    filter_backends = ()
    read_role = Role.VIEWER

    def get_queryset(self) -> QuerySet[Membership]:
        """Return the active memberships."""
        return selectors.active_members(require_tenant().id)

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return a page of members with their profiles."""
        page = super().paginate_queryset(queryset)
        return page if page is None else selectors.with_profiles(page)


class MemberView(APIView):
    """One member."""

    queryset = Membership.platform.none()
    read_role = Role.VIEWER
    write_role = Role.ADMIN

    @extend_schema(request=serializers.RoleSerializer, responses=serializers.MemberSerializer)
    def patch(self, request: Request, **kwargs: UUID) -> Response:
        """Change the member's role."""
        role = Role(_checked(serializers.RoleSerializer(data=request.data))["role"])
        member = services.change_role(membership_of(request), kwargs["id"], role)
        return Response(serializers.MemberSerializer(member).data)

    @extend_schema(responses={HTTP_204_NO_CONTENT: None})
    def delete(self, request: Request, **kwargs: UUID) -> Response:
        """Remove the member from the tenant."""
        services.remove(membership_of(request), kwargs["id"])
        return Response(status=HTTP_204_NO_CONTENT)


class ProfilePhotoViewSet(ContentMixin, GenericViewSet[Profile]):
    """The photo of a user in the tenant, by the user's id."""

    queryset = Profile.objects.exclude(photo="")
    lookup_field = "user_id"
    read_role = Role.VIEWER

    @extend_schema(responses={(HTTP_200_OK, CONTENT_TYPE): OpenApiTypes.BINARY})
    def content(self, request: Request, user_id: UUID) -> FileResponse:
        """Send the photo."""
        return send_photo(self.get_object())


class LeaveView(APIView):
    """Ends the caller's own membership."""

    read_role = write_role = Role.VIEWER

    @extend_schema(request=None, responses={HTTP_204_NO_CONTENT: None})
    def post(self, request: Request) -> Response:
        """Leave the tenant."""
        services.leave(membership_of(request))
        return Response(status=HTTP_204_NO_CONTENT)


class TransferOwnershipView(APIView):
    """Transfer of ownership."""

    read_role = write_role = Role.OWNER

    @extend_schema(request=serializers.TransferSerializer, responses=serializers.MemberSerializer)
    def post(self, request: Request) -> Response:
        """Make another member an Owner, and the request's user an Admin."""
        given = _checked(serializers.TransferSerializer(data=request.data))
        member = services.transfer_ownership(membership_of(request), given["member"])
        return Response(serializers.MemberSerializer(member).data)


class InvitationListView(ListCreateAPIView[Invitation]):
    """Open invitations, newest first."""

    queryset = Invitation.platform.none()
    serializer_class = serializers.InvitationSerializer
    filter_backends = ()
    read_role = write_role = Role.ADMIN
    throttle_scope = "invitations"

    def get_queryset(self) -> QuerySet[Invitation]:
        """Return the open invitations."""
        return selectors.open_invitations(require_tenant().id)

    def perform_create(self, serializer: BaseSerializer[Invitation]) -> None:
        """Invite an address by mail."""
        given = serializer.validated_data
        invitation = invitations.invite(
            membership_of(self.request), given["email"], Role(given["role"])
        )
        serializer.instance = invitation


class InvitationView(APIView):
    """One invitation."""

    queryset = Invitation.platform.none()
    read_role = write_role = Role.ADMIN

    @extend_schema(responses={HTTP_204_NO_CONTENT: None})
    def delete(self, request: Request, **kwargs: UUID) -> Response:
        """Revoke the invitation."""
        invitations.revoke(membership_of(request), kwargs["id"])
        return Response(status=HTTP_204_NO_CONTENT)


class InvitationResendView(APIView):
    """Sends an invitation again."""

    queryset = Invitation.platform.none()
    read_role = write_role = Role.ADMIN
    throttle_scope = "invitations"

    @extend_schema(request=None, responses=serializers.InvitationSerializer)
    def post(self, request: Request, **kwargs: UUID) -> Response:
        """Mail the invitation with a new token, which replaces the old one."""
        invitation = invitations.resend(membership_of(request), kwargs["id"])
        return Response(serializers.InvitationSerializer(invitation).data)


class InvitationAcceptView(APIView):
    """Acceptance of an invitation."""

    permission_classes = (AllowAny,)

    @extend_schema(request=serializers.AcceptSerializer, responses=serializers.JoinedSerializer)
    def post(self, request: Request) -> Response:
        """Join the tenant. Existing users send an access token or their password."""
        given = _checked(serializers.AcceptSerializer(data=request.data))
        user = request.user if request.auth else None
        token = given.pop("token")
        membership = invitations.accept(request, token, wanted_tenant(request), user, **given)
        return Response(serializers.JoinedSerializer(membership).data)


class AuditEventListView(ListAPIView[AuditEvent]):
    """The tenant's audit events, newest first."""

    queryset = AuditEvent.platform.none()
    serializer_class = AuditEventSerializer
    filterset_class = AuditEventFilter
    read_role = Role.ADMIN

    def get_queryset(self) -> QuerySet[AuditEvent]:
        """Return the tenant's events."""
        return AuditEvent.objects.for_tenant(require_tenant())
