"""Views as in a product: lists with filters, search and order, and files."""

from http import HTTPStatus
from typing import Any

from django.http import FileResponse
from django_filters import UUIDFilter
from django_filters.rest_framework.backends import DjangoFilterBackend
from django_filters.rest_framework.filterset import FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.filters import OrderingFilter
from rest_framework.mixins import DestroyModelMixin, RetrieveModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ModelViewSet

from apps.api.downloads import ContentMixin, download
from apps.api.filters import SearchFilter
from apps.memberships.roles import Role
from tests.sample.models import Book, Scan, Shelf
from tests.sample.serializers import (
    SampleBookSerializer,
    SampleScanSerializer,
    SampleShelfSerializer,
)


class FileUnavailable(APIException):
    """The operating system cannot read the file."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE


class BookFilter(FilterSet):
    """Filters by status, shelf and reader, without a form, whose choices would need queries."""

    shelf = UUIDFilter(field_name="shelf_id")
    reader = UUIDFilter(field_name="reader_id")

    class Meta:
        model = Book
        fields = ["status"]


class SampleViewSet(ModelViewSet[Any]):
    """A viewset that records the creator of a row."""

    read_role = Role.VIEWER
    write_role = Role.MEMBER

    def perform_create(self, serializer: Any) -> None:
        """Insert the row with the request's user as its creator."""
        serializer.save(created_by=self.request.user)


class ShelfViewSet(SampleViewSet):
    """Shelves."""

    queryset = Shelf.objects.all()
    serializer_class = SampleShelfSerializer
    filter_backends = (DjangoFilterBackend, SearchFilter, OrderingFilter)
    filterset_fields = ("status",)
    search_fields = ("name", "description")
    ordering_fields = ("name", "status", "created_at", "updated_at")


class BookViewSet(SampleViewSet):
    """Books."""

    queryset = Book.objects.all()
    serializer_class = SampleBookSerializer
    filter_backends = (DjangoFilterBackend, SearchFilter, OrderingFilter)
    filterset_class = BookFilter
    search_fields = ("title",)
    ordering_fields = ("title", "status", "due_on", "position", "created_at")

    @extend_schema(responses=SampleScanSerializer(many=True))
    @action(
        detail=True,
        serializer_class=SampleScanSerializer,
        filter_backends=(),
        parser_classes=[MultiPartParser],
    )
    def scans(self, request: Request, pk: str) -> Response:
        """List the scans of a book."""
        rows = self.paginate_queryset(Scan.objects.filter(book=self.get_object()))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    @extend_schema(responses={HTTPStatus.CREATED: SampleScanSerializer})
    @scans.mapping.post
    def scan(self, request: Request, pk: str) -> Response:
        """Add a scan to a book."""
        book = self.get_object()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        name = "".join(filter(str.isprintable, serializer.validated_data["file"].name))
        serializer.save(book=book, name=name, uploader=request.user)
        return Response(serializer.data, status=HTTPStatus.CREATED)


class ScanViewSet(ContentMixin, RetrieveModelMixin, DestroyModelMixin, GenericViewSet[Any]):
    """Scans."""

    queryset = Scan.objects.all()
    serializer_class = SampleScanSerializer
    read_role = Role.VIEWER
    write_role = Role.MEMBER

    @extend_schema(responses={(HTTPStatus.OK, "*/*"): OpenApiTypes.BINARY})
    @action(detail=True)
    def content(self, request: Request, pk: str) -> FileResponse:
        """Send the file."""
        scan = self.get_object()
        try:
            file = scan.file.open()
        except OSError as error:
            raise FileUnavailable from error
        return download(file, scan.name, "application/octet-stream")
