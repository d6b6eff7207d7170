"""Routes."""

from rest_framework.routers import SimpleRouter

from apps.exports.views import TenantExportViewSet

router = SimpleRouter()
router.register("exports", TenantExportViewSet)

urlpatterns = router.urls
