"""Routes of the API, the same on tenants' hosts and on the shared host."""

from django.urls import include, path

urlpatterns = [
    # The most requested routes come first, since Django tries routes in order.
    path("", include("apps.projects.urls")),
    path("", include("apps.authentication.urls")),
    path("", include("apps.memberships.urls")),
    path("", include("apps.exports.urls")),
    path("", include("apps.privacy.urls")),
    path("", include("apps.offboarding.urls")),
]
