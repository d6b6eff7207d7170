"""Routes in the tenant of the user, as in the library's guide for Django REST framework."""

from apps.projects import views
from django_rls_tenants.contrib.drf import RLSTenantAPIViewMixin
from rest_framework.routers import SimpleRouter


class ProjectViewSet(RLSTenantAPIViewMixin, views.ProjectViewSet):
    """Projects."""


class TaskViewSet(RLSTenantAPIViewMixin, views.TaskViewSet):
    """Tasks."""


router = SimpleRouter()
router.register("projects", ProjectViewSet)
router.register("tasks", TaskViewSet)

urlpatterns = router.urls
