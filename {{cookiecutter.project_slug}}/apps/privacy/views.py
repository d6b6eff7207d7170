"""Views for requests about personal data."""

from http import HTTPStatus

from django.db import transaction
from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.mixins import CreateModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from apps.api.downloads import ContentMixin, download
from apps.audit.services import Action, record
from apps.isolation import require_tenant
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.roles import Role
from apps.memberships.selectors import membership_of
from apps.privacy import services
from apps.privacy.models import PrivacyRequest
from apps.privacy.serializers import PrivacyRequestSerializer


class PrivacyRequestViewSet(
    ContentMixin,
    CreateModelMixin,
    ListModelMixin,
    RetrieveModelMixin,
    GenericViewSet[PrivacyRequest],
):
    """Privacy requests: the user's own, or for Admins those of all members."""

    queryset = PrivacyRequest.platform.none()
    serializer_class = PrivacyRequestSerializer
    filter_backends = ()
    read_role = write_role = Role.VIEWER

    def get_queryset(self) -> QuerySet[PrivacyRequest]:
        """Return the requests that the caller may see."""
        rows = PrivacyRequest.objects.for_tenant(require_tenant())
        member = membership_of(self.request)
        if Role(member.role).reaches(Role.ADMIN):
            return rows
        return rows.filter(user_id=member.user_id)

    def perform_create(self, serializer: BaseSerializer[PrivacyRequest]) -> None:
        """Create the request."""
        member, given = membership_of(self.request), serializer.validated_data
        user_id = given.get("user_id", member.user_id)
        serializer.instance = services.ask(member, given["kind"], user_id)

    @extend_schema(responses={(HTTPStatus.OK, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True)
    def content(self, request: Request, pk: str) -> FileResponse:
        """Send the export, until it is deleted."""
        export = self.get_object()
        try:
            file = export.content.open()
        except (ValueError, FileNotFoundError):
            raise NotFound from None
        with transaction.atomic(using=SHARED_DB):
            user = membership_of(request).user
            record(Action.PRIVACY_CONTENT_READ, export, tenant=export.tenant_id, actor=user)
        return download(file, f"export-{export.pk}.zip", "application/zip")
