"""Routes of the product's pages."""

from django.urls import path

from apps.projects import pages

urlpatterns = [
    path("", pages.projects, name="projects"),
    path("projects/new/", pages.new_project, name="new-project"),
    path("projects/<uuid:project_id>/", pages.project, name="project"),
    path("projects/<uuid:project_id>/edit/", pages.edit_project, name="edit-project"),
    path("projects/<uuid:project_id>/delete/", pages.delete_project, name="delete-project"),
    path("projects/<uuid:project_id>/tasks/new/", pages.new_task, name="new-task"),
    path("tasks/", pages.tasks, name="tasks"),
    path("tasks/<uuid:task_id>/", pages.task, name="task"),
    path("tasks/<uuid:task_id>/edit/", pages.edit_task, name="edit-task"),
    path("tasks/<uuid:task_id>/status/", pages.change_status, name="change-status"),
    path("tasks/<uuid:task_id>/delete/", pages.delete_task, name="delete-task"),
    path("attachments/<uuid:attachment_id>/", pages.attachment, name="attachment"),
    path(
        "attachments/<uuid:attachment_id>/delete/",
        pages.delete_attachment,
        name="delete-attachment",
    ),
]
