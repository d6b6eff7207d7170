"""Workers create storage for sign-ups, and in advance."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from rest_framework.test import APIClient

from apps.authentication.models import User
from apps.isolation.strategy.provisioning import provisioning_report
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.tasks import queue
from apps.tasks.models import State, TaskRun
from apps.tasks.testing import run_enqueued_tasks
from apps.tenants.models import Domain, PendingTenant, Status, Tenant
from apps.tenants.pending import prepare
from apps.tenants.services import create_tenant
from apps.tenants.tasks import keep_pending_tenants
from tests.support import start

pytestmark = pytest.mark.usefixtures("provisioning")

SIGN_UP = "/api/v1/auth/signup/"
BODY = {
    "email": "ada@initech.test",
    "password": "correct horse battery staple",
    "tenant_name": "Initech Ltd",
    "tenant_slug": "initech",
}
CODE = f"""
import django; django.setup()
from rest_framework.test import APIClient
print(APIClient(headers={{"Host": "localhost"}}).post({SIGN_UP!r}, {BODY!r}).status_code)
"""


@contextmanager
def _signing_up() -> Iterator[subprocess.Popen[str]]:
    """Sign up in a process that is killed at the block's end."""
    with start("-c", CODE, DJANGO_SETTINGS_MODULE="config.settings.test") as process:
        try:
            yield process
        finally:
            process.kill()


def test_worker_completes_the_sign_up_of_a_killed_process() -> None:
    with _signing_up() as process:
        while not Tenant.objects.exists():
            assert process.poll() is None, process.stderr
    if Tenant.objects.get().status == Status.PREPARING:  # the fastest had done it
        assert _rows() == [1, 1, 1, 0]
        # Nobody else gets what is being prepared.
        client = APIClient(headers={"Host": "localhost"})
        refusal = client.post(SIGN_UP, {**BODY, "email": "eve@x.test"})
        assert (refusal.status_code, list(refusal.json())) == (400, ["tenant_slug"])
        with pytest.raises(ValidationError):
            create_tenant(slug=BODY["tenant_slug"], name="Eve's")
        assert run_enqueued_tasks() == []  # not yet: the process might be at it
        queue.confirm(TaskRun.platform.get().pk, None)
        (run,) = run_enqueued_tasks()
        assert run.state == State.DONE
    assert _rows() == [1] * 4
    membership = Membership.platform.get()
    assert (membership.role, membership.tenant.status) == (Role.OWNER, Status.ACTIVE)
    assert membership.tenant.name == BODY["tenant_name"]
    assert provisioning_report(membership.tenant).exists


def _rows() -> list[int]:
    counts = [table.objects.count() for table in (User, Tenant)]
    return counts + [table.platform.count() for table in (Domain, Membership)]


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Destroy the storage that is left."""
    yield
    list(prepare(0))


@pytest.mark.usefixtures("nothing_left")
def test_worker_keeps_the_configured_number_of_pending_tenants(settings: Any) -> None:
    settings.PENDING_TENANTS = 2
    for _ in range(2):
        keep_pending_tenants.enqueue()
    assert {run.state for run in run_enqueued_tasks()} == {State.DONE}
    assert list(PendingTenant.objects.values_list("is_ready", flat=True)) == [True, True]
