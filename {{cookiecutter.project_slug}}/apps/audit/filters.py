"""Filters of the audit log."""

from django_filters import ChoiceFilter, DateFilter, UUIDFilter
from django_filters.rest_framework.filterset import FilterSet

from apps.audit.models import AuditEvent
from apps.audit.services import Action


class AuditEventFilter(FilterSet):
    """``action``, ``actor``, and the days ``since`` and ``until``, in the tenant's time zone."""

    action = ChoiceFilter(choices=[(each.value, each.value) for each in Action])
    actor = UUIDFilter(field_name="actor_id")
    since = DateFilter(field_name="time", lookup_expr="date__gte")
    until = DateFilter(field_name="time", lookup_expr="date__lte")

    class Meta:
        model = AuditEvent
        fields: list[str] = []
