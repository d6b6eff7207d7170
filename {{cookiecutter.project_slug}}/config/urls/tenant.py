"""Routes of a tenant's host."""

from django.conf import settings
from django.urls import include, path
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from apps.api import error_views
from apps.authentication.decorators import unguarded
from apps.observability import views as observability
from apps.tenants import resolver
from config.urls import development

# The page of Swagger UI has inline styles and an inline script.
INLINE = [CSP.SELF, CSP.UNSAFE_INLINE]
docs_policy = csp_override({**settings.SECURE_CSP, "script-src": INLINE, "style-src": INLINE})
docs = SpectacularSwaggerView.as_view(url_name="schema", metadata_class=None)


# On every host.
common_urlpatterns = [
    path("api/v1/", include("config.urls.api")),
    path("healthz/live", unguarded(observability.live)),
    path("healthz/ready", unguarded(observability.ready)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    # Without a metadata class, OPTIONS gets 405 instead of an error.
    path("api/docs/", docs_policy(docs)),
    *development.urlpatterns,
]
urlpatterns = [
    *common_urlpatterns,
    # The product's pages come first: one of them is the start page of a tenant's host.
    path("", include("apps.projects.page_urls")),
    path("", include("apps.pages.urls")),
]

handler400 = resolver.bad_request
handler403 = error_views.permission_denied
handler404 = error_views.not_found
handler500 = error_views.server_error
