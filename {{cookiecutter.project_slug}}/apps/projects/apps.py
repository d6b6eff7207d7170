"""App configuration."""

from django.apps import AppConfig

from apps.pages import navigation


class ProjectsConfig(AppConfig):
    """The product: projects with tasks and files."""

    name = "apps.projects"

    def ready(self) -> None:
        """Register the product's navigation link."""
        navigation.register("Projects", "projects")
