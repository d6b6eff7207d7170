"""Routes of the shared host: those of a tenant's host, and the platform's."""

from django.contrib import admin
from django.urls import path

from apps.tenants import tls
from config import errors
from config.urls.tenant import urlpatterns as tenant_urlpatterns

urlpatterns = [
    *tenant_urlpatterns,
    path("admin/", admin.site.urls),
    path("tls/allowed", tls.allowed),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
