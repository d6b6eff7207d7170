"""Routes of the sample app."""

from rest_framework.routers import SimpleRouter

from tests.sample import views

router = SimpleRouter()
router.register("shelves", views.ShelfViewSet)
router.register("books", views.BookViewSet)
router.register("scans", views.ScanViewSet)

urlpatterns = router.urls
