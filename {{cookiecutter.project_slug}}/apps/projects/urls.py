"""Routes."""

from rest_framework.routers import SimpleRouter

from apps.projects import views

router = SimpleRouter()
router.register("projects", views.ProjectViewSet)
router.register("tasks", views.TaskViewSet)
router.register("attachments", views.AttachmentViewSet)

urlpatterns = router.urls
