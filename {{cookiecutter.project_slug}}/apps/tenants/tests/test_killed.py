"""A killed ``create_tenant`` leaves an unfinished tenant, which another run completes."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing import api_client, make_member
from apps.tenants.models import Domain, Status, Tenant
from tests.support import start

pytestmark = pytest.mark.usefixtures("provisioning")


@contextmanager
def _creating(slug: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command in a process that is killed at the end of the block."""
    with start("manage.py", "create_tenant", slug) as process:
        try:
            yield process
        finally:
            process.kill()


def _assert_usable(slug: str) -> None:
    tenant = Tenant.objects.get(slug=slug)
    assert tenant.status == Status.ACTIVE
    assert Domain.objects.for_tenant(tenant).get().is_primary
    client = api_client(tenant, make_member(tenant, "member").user.email)
    shelf = client.post("/api/v1/sample/shelves/", {"name": "first"})
    assert shelf.status_code == 201
    book = {"title": "first", "shelf": shelf.json()["id"]}
    assert client.post("/api/v1/sample/books/", book).status_code == 201


@pytest.mark.parametrize("delay", [0.0, 0.03])
def test_killed_during_provisioning(delay: float) -> None:
    """The kill comes shortly after the tenant's row exists, when provisioning begins."""
    with _creating("initech") as process:
        while not Tenant.objects.exists():
            assert process.poll() is None, process.stderr
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=delay)
    # Fast runs may end before the kill, and a rerun is refused; others are completed.
    with suppress(CommandError):
        call_command("create_tenant", "initech", verbosity=0)
    _assert_usable("initech")


def test_killed_after_provisioning() -> None:
    """A lock on the tenant's row stops the process before it activates the tenant."""
    tenant = Tenant(slug="initech", name="Initech")
    tenant.save()
    Domain(tenant=tenant, domain="initech.localhost", is_primary=True).save()
    with transaction.atomic(using=SHARED_DB):
        Tenant.objects.select_for_update().get()
        with _creating("initech") as process:
            while not _ask("SELECT count(*) FROM waiting"):
                assert process.poll() is None, process.stderr
        # A waiting PostgreSQL process does not notice that its client is dead.
        _ask("SELECT count(pg_terminate_backend(pid)) FROM waiting")
        while _ask("SELECT count(*) FROM waiting"):
            pass
    response = api_client(tenant).get("/api/v1/sample/shelves/")
    assert (response.status_code, response.json()["code"]) == (503, "tenant_not_ready")
    call_command("create_tenant", "initech", verbosity=0)
    _assert_usable("initech")


def _ask(question: str) -> int:
    """Query the PostgreSQL processes that wait for a lock of this test."""
    waiting = """
        SELECT pid FROM pg_locks
        WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))
    """
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute(f"WITH waiting AS ({waiting}) {question}")
        (count,) = cursor.fetchone() or (0,)
        return int(count)
