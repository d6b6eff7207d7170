"""Routes of the shared host: those of a tenant's host, and the platform's."""

from django.contrib import admin
from django.urls import path

from apps.authentication.views import SignUpView
from apps.tenants import tls
from config import errors
from config.urls.tenant import urlpatterns as tenant_urlpatterns

urlpatterns = [
    *tenant_urlpatterns,
    path("api/v1/auth/signup/", SignUpView.as_view()),
    path("admin/", admin.site.urls),
    path("tls/allowed", tls.allowed),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
