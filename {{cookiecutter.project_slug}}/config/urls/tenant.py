"""Routes of a tenant's host."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from config import errors, health

urlpatterns = [
    path("healthz/live", health.live),
    path("healthz/ready", health.ready),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    # A page has no metadata: OPTIONS is answered with 405 and not with an error.
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema", metadata_class=None)),
    path("api/v1/", include("config.urls.api")),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
