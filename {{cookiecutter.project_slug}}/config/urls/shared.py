"""Routes of the shared hosts: those of every host, and those of the platform."""

from django.contrib import admin
from django.urls import include, path

from apps.api import error_views
from apps.authentication.decorators import unguarded
from apps.authentication.views import SignUpView
from apps.observability import views as observability
from apps.pages.urls import shared_urlpatterns
from apps.tenants import resolver, tls
from config.urls.tenant import common_urlpatterns

urlpatterns = [
    *common_urlpatterns,
    path("api/v1/auth/signup/", SignUpView.as_view()),
    path("admin/", admin.site.urls),
    path("metrics", unguarded(observability.metrics)),
    path("tls/allowed", unguarded(tls.allowed)),
    path("", include(shared_urlpatterns)),
]

handler400 = resolver.bad_request
handler403 = error_views.permission_denied
handler404 = error_views.not_found
handler500 = error_views.server_error
