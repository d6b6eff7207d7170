"""The sample app, installed by the test settings only."""

from django.apps import AppConfig
from django.urls import include, path


class SampleConfig(AppConfig):
    """A tenant app with models of every kind."""

    name = "tests.sample"

    def ready(self) -> None:
        """Add the routes to those of the API."""
        from config.urls import api  # noqa: PLC0415 - views import models, which are ready now

        api.urlpatterns.append(path("sample/", include("tests.sample.urls")))
