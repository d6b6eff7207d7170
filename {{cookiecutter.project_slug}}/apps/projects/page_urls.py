"""Routes of the product's pages."""

from django.urls import path

from apps.projects import pages

urlpatterns = [
    path("", pages.projects, name="projects"),
    path("projects/<uuid:project_id>/", pages.project, name="project"),
    path("tasks/<uuid:task_id>/status/", pages.change_status, name="change-status"),
]
