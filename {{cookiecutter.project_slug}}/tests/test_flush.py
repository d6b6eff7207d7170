"""``flush`` empties the shared data and every tenant."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from apps.audit.models import AuditEvent
from apps.authentication.models import User
from apps.isolation import tenant_context
from apps.isolation.cross_tenant import cross_tenant
from apps.tenants.models import Domain, Tenant
from tests.sample.models import Book, Shelf

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rows(acme: Any, globex: Any, client_of: Any) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            Book.objects.create(shelf=Shelf.objects.create(name="x"), title="x")
            default_storage.save("x", ContentFile(b"x"))
        client_of(tenant, "member")
    with cross_tenant(reason="a row of the audit log"):
        pass


def test_flush_deletes_all_rows_and_keeps_migrations(
    rows: None, acme: Tenant, globex: Tenant
) -> None:
    kept = [model.objects.count() for model in (ContentType, Permission)]
    call_command("flush", interactive=False, verbosity=0)
    for tenant in (acme, globex):
        with tenant_context(tenant):
            assert not Shelf.objects.exists()
            assert not Book.objects.exists()
            assert not default_storage.exists("x")
    for manager in (User.objects, Tenant.objects, Domain.platform, AuditEvent.platform):
        assert not manager.exists()
    assert [model.objects.count() for model in (ContentType, Permission)] == kept
    assert min(kept) > 0


def _type(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{answer}\n"))


@pytest.mark.parametrize("answer", ["no", "", "y", "YES"])
def test_flush_needs_confirmation(
    answer: str, rows: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _type(answer, monkeypatch)
    with pytest.raises(CommandError, match="Nothing was deleted"):
        call_command("flush")
    assert Tenant.objects.count() == 2
    assert "ALL rows of ALL tenants" in capsys.readouterr().out


def test_confirmed_flush_deletes(rows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _type("yes", monkeypatch)
    call_command("flush")
    assert not Tenant.objects.exists()
