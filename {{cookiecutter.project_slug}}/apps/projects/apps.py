"""App configuration."""

from django.apps import AppConfig

from apps.pages import navigation


class ProjectsConfig(AppConfig):
    """The product: projects with tasks and files."""

    name = "apps.projects"

    def ready(self) -> None:
        """Register the product's navigation links."""
        navigation.register("Projects", "projects")
        navigation.register("Tasks", "tasks")
