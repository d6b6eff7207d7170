"""Metrics of tenants: their number, and failures to create them."""

from collections.abc import Iterator

from django.db.models import Count
from django.dispatch import receiver
from prometheus_client import Counter, Metric
from prometheus_client.core import GaugeMetricFamily

from apps.isolation.strategy.invariants import count_unmigrated
from apps.observability.metrics import COUNTED, measures
from apps.tenants.models import INCOMPLETE, Status, Tenant
from apps.tenants.services import provisioning_failed

PROVISIONING_FAILURES = Counter(
    "provisioning_failures_total", "Tenants whose storage could not be created.", registry=COUNTED
)


@receiver(provisioning_failed)
def count_failure(**kwargs: object) -> None:
    """Count a tenant that could not be created."""
    PROVISIONING_FAILURES.inc()


@measures
def count_tenants() -> Iterator[Metric]:
    """Count tenants by status, and tenants with unapplied migrations."""
    family = GaugeMetricFamily("tenants", "Tenants, by status.", labels=["status"])
    counts = Tenant.objects.order_by().values_list("status").annotate(Count("pk"))
    for status, count in (dict.fromkeys(Status.values, 0) | dict(counts)).items():
        family.add_metric([status], count)
    yield family
    made = dict(Tenant.objects.exclude(status__in=INCOMPLETE).values_list("pk", "created_at"))
    yield GaugeMetricFamily(
        "tenants_unmigrated", "Tenants with unapplied migrations.", count_unmigrated(made)
    )
