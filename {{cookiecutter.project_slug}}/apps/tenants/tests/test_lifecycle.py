"""Changes of a tenant's status, and holds."""

from itertools import product
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.audit.models import AuditEvent
from apps.tenants import lifecycle
from apps.tenants.lifecycle import TRANSITIONS, Transition
from apps.tenants.models import Status, Tenant

ALLOWED = {
    "opened": {"preparing", "importing"},
    "suspended": {"active"},
    "resumed": {"suspended"},
    "archived": {"active", "suspended"},
    "restored": {"archived"},
    "moved": {"active"},
    "kept here": {"moving"},
    "handed over": {"moving"},
    "moved back": {"moved"},
    "returned": {"suspended"},
    "purged": {"archived", "moved"},
}


@pytest.mark.parametrize(
    ("transition", "status"),
    list(product(TRANSITIONS, Status)),
    ids=lambda each: each.verb if isinstance(each, Transition) else str(each),
)
def test_only_the_listed_changes_of_status_are_made(
    transition: Transition, status: Status, acme: Any
) -> None:
    Tenant.objects.filter(pk=acme.pk).update(status=status)
    if status in ALLOWED[transition.verb]:
        lifecycle.change_status(acme, transition, actor=None, reason="The reason.")
        assert Tenant.objects.get().status == transition.target
        event = AuditEvent.objects.for_tenant(acme).get()
        assert (event.action, event.reason) == (transition.action, "The reason.")
        assert event.changes["status"] == {"before": status, "after": transition.target}
        return
    if status != transition.target:
        with pytest.raises(ValidationError, match="Only a tenant that is"):
            lifecycle.change_status(acme, transition, actor=None)
    else:
        lifecycle.change_status(acme, transition, actor=None)
    assert Tenant.objects.get().status == status
    assert not AuditEvent.platform.exists()


def test_archived_tenant_keeps_its_dates_until_it_is_restored(acme: Any, settings: Any) -> None:
    settings.TENANT_GRACE_DAYS = 7
    lifecycle.archive(acme)
    acme.refresh_from_db()
    assert (acme.purge_after - acme.archived_at).days == 7
    first = acme.purge_after
    lifecycle.archive(acme)
    acme.refresh_from_db()
    assert acme.purge_after == first
    lifecycle.restore(acme)
    acme.refresh_from_db()
    assert (acme.archived_at, acme.purge_after) == (None, None)


def test_hold_requires_a_reason_and_is_recorded(acme: Any) -> None:
    with pytest.raises(ValidationError, match="reason"):
        lifecycle.hold(acme, reason=" ")
    lifecycle.hold(acme, reason="A lawsuit.")
    lifecycle.release(acme)
    acme.refresh_from_db()
    assert acme.hold_reason == ""
    actions = AuditEvent.platform.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["tenant.held", "tenant.released"]
