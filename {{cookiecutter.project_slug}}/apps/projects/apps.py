"""App configuration."""

from django.apps import AppConfig

from apps.pages import navigation


class ProjectsConfig(AppConfig):
    """The product: projects with tasks and files."""

    name = "apps.projects"

    def ready(self) -> None:
        """Put the product into the navigation."""
        navigation.register("Projects", "projects")
