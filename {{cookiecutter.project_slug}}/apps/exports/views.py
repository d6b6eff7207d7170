"""Exports of the tenant over the API."""

from http import HTTPStatus

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.api.downloads import ContentMixin, download
from apps.authentication.serializers import OwnPasswordSerializer
from apps.exports import services
from apps.exports.models import TenantExport, name_of
from apps.exports.serializers import TenantExportSerializer
from apps.isolation import require_tenant
from apps.memberships.roles import Role
from apps.memberships.selectors import membership_of


class TenantExportViewSet(
    ContentMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet[TenantExport]
):
    """Archives of the whole tenant, for its Owners."""

    queryset = TenantExport.platform.none()
    serializer_class = TenantExportSerializer
    filter_backends = ()
    read_role = write_role = Role.OWNER

    def get_queryset(self) -> QuerySet[TenantExport]:
        """Return the tenant's exports."""
        return TenantExport.objects.for_tenant(require_tenant())

    @extend_schema(
        request=OwnPasswordSerializer, responses={HTTPStatus.CREATED: TenantExportSerializer}
    )
    def create(self, request: Request) -> Response:
        """Order an export; a worker writes it."""
        serializer = OwnPasswordSerializer(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        export = services.order(membership_of(request))
        return Response(self.get_serializer(export).data, HTTPStatus.CREATED)

    @extend_schema(responses={(HTTPStatus.OK, "application/x-tar"): OpenApiTypes.BINARY})
    @action(detail=True)
    def content(self, request: Request, pk: str) -> FileResponse:
        """Send the archive, until it is deleted."""
        export = self.get_object()
        try:
            file = services.read(membership_of(request), export)
        except FileNotFoundError:
            raise NotFound from None
        return download(file, name_of(export), "application/x-tar")
