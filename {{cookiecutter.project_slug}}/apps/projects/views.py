"""The product's routes. Nothing here says which tenant: there is only one in sight."""

from typing import Any

from django_filters.rest_framework.backends import DjangoFilterBackend
from rest_framework.filters import OrderingFilter
from rest_framework.viewsets import ModelViewSet

from apps.projects.filters import ProjectFilter, SearchFilter, TaskFilter
from apps.projects.models import Project, Task
from apps.projects.serializers import ProjectSerializer, TaskSerializer
from apps.tenants.roles import Role


class ProjectViewSet(ModelViewSet[Any]):
    """Projects."""

    queryset = Project.objects.all()
    serializer_class = ProjectSerializer
    filter_backends = (DjangoFilterBackend, SearchFilter, OrderingFilter)
    filterset_class = ProjectFilter
    search_fields = ("name", "description")
    # Named one by one: ordering by a relation's field would tell what may not be read.
    ordering_fields = ("name", "status", "created_at", "updated_at")
    read_role = Role.VIEWER
    write_role = Role.MEMBER


class TaskViewSet(ModelViewSet[Any]):
    """Tasks."""

    queryset = Task.objects.all()
    serializer_class = TaskSerializer
    filterset_class = TaskFilter
    read_role = Role.VIEWER
    write_role = Role.MEMBER
