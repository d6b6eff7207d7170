"""Routes."""

from rest_framework.routers import SimpleRouter

from apps.privacy.views import PrivacyRequestViewSet

router = SimpleRouter()
router.register("privacy-requests", PrivacyRequestViewSet)

urlpatterns = router.urls
