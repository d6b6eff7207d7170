"""Views of the product. They do not name the tenant: querysets use the active one."""

from http import HTTPStatus
from typing import Any

from django.http import FileResponse
from django_filters.rest_framework.backends import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.filters import OrderingFilter
from rest_framework.mixins import DestroyModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ModelViewSet

from apps.api.downloads import ContentMixin, download
from apps.api.filters import SearchFilter
from apps.api.uploads import storage_errors
from apps.memberships.roles import Role
from apps.projects import services
from apps.projects.filters import ProjectFilter, TaskFilter
from apps.projects.models import Attachment, Project, Task
from apps.projects.parsers import AttachmentParser
from apps.projects.serializers import AttachmentSerializer, ProjectSerializer, TaskSerializer


class ProjectViewSet(ModelViewSet[Project]):
    """Projects."""

    queryset = Project.objects.all()
    serializer_class = ProjectSerializer
    filter_backends = (DjangoFilterBackend, SearchFilter, OrderingFilter)
    filterset_class = ProjectFilter
    search_fields = ("name", "description")
    # Named one by one: ordering by a relation's field would reveal data that may not be read.
    ordering_fields = ("name", "status", "created_at", "updated_at")
    read_role = Role.VIEWER
    write_role = Role.MEMBER

    def perform_destroy(self, instance: Project) -> None:
        """Delete the project."""
        services.delete_project(instance)


class TaskViewSet(ModelViewSet[Any]):
    """Tasks."""

    queryset = Task.objects.all()
    serializer_class = TaskSerializer
    filter_backends = (DjangoFilterBackend, SearchFilter, OrderingFilter)
    filterset_class = TaskFilter
    search_fields = ("title",)
    ordering_fields = ("title", "status", "due_on", "created_at", "updated_at")
    read_role = Role.VIEWER
    write_role = Role.MEMBER

    def perform_destroy(self, instance: Task) -> None:
        """Delete the task."""
        services.delete_task(instance)

    @extend_schema(responses=AttachmentSerializer(many=True))
    @action(
        detail=True,
        serializer_class=AttachmentSerializer,
        filter_backends=(),
        parser_classes=[AttachmentParser],
    )
    def attachments(self, request: Request, pk: str) -> Response:
        """List the files of a task."""
        rows = self.paginate_queryset(Attachment.objects.filter(task=self.get_object()))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    @extend_schema(responses={HTTPStatus.CREATED: AttachmentSerializer})
    @attachments.mapping.post
    def attach(self, request: Request, pk: str) -> Response:
        """Add a file to a task."""
        task = self.get_object()
        with storage_errors():
            serializer = self.get_serializer(data=request.data)
            serializer.is_valid(raise_exception=True)
            serializer.save(task=task)
        return Response(serializer.data, status=HTTPStatus.CREATED)


class AttachmentViewSet(
    ContentMixin, RetrieveModelMixin, DestroyModelMixin, GenericViewSet[Attachment]
):
    """Attachments of tasks."""

    queryset = Attachment.objects.all()
    serializer_class = AttachmentSerializer
    read_role = Role.VIEWER
    write_role = Role.MEMBER

    def perform_destroy(self, instance: Attachment) -> None:
        """Delete the attachment."""
        services.delete_attachment(instance)

    @extend_schema(responses={(HTTPStatus.OK, "*/*"): OpenApiTypes.BINARY})
    @action(detail=True)
    def content(self, request: Request, pk: str) -> FileResponse:
        """Send the file."""
        attachment = self.get_object()
        file = services.open_file(attachment)
        return download(file, attachment.name, attachment.content_type)
