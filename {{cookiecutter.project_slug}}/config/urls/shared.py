"""Routes of the shared host: those of every host, and the platform's."""

from django.contrib import admin
from django.urls import include, path

from apps.authentication.decorators import unguarded
from apps.authentication.views import SignUpView
from apps.pages.urls import shared_urlpatterns
from config import errors, health, tls
from config.urls.tenant import common_urlpatterns

urlpatterns = [
    *common_urlpatterns,
    path("api/v1/auth/signup/", SignUpView.as_view()),
    path("admin/", admin.site.urls),
    path("metrics", unguarded(health.metrics)),
    path("tls/allowed", unguarded(tls.allowed)),
    path("", include(shared_urlpatterns)),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
