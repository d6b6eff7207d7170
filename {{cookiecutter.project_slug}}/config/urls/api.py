"""Routes of the API, the same on tenants' hosts and on the shared host."""

from django.urls import include, path

urlpatterns = [
    # First what is asked for most: routes are tried one after the other.
    path("", include("apps.projects.urls")),
    path("", include("apps.authentication.urls")),
    path("", include("apps.memberships.urls")),
    path("", include("apps.privacy.urls")),
]
