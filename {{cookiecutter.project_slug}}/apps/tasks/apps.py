"""App configuration."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """Background work."""

    name = "apps.tasks"
