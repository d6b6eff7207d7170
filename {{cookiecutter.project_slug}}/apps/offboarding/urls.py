"""Routes."""

from django.urls import path

from apps.offboarding import views

urlpatterns = [
    path("tenant/archive/", views.ArchiveView.as_view()),
]
