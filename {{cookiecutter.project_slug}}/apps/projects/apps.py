"""App configuration."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """The example product: projects and their tasks. Replace it with yours."""

    name = "apps.projects"
