"""Audited work over all tenants."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from apps.isolation import current_tenant, require_tenant, tenant_context
from apps.isolation.cross_tenant import cross_tenant, cross_tenant_started
from config.env import BASE_DIR
from tests.sample.models import Shelf

NO_CODE = shutil.ignore_patterns("__pycache__", "tests")


@pytest.fixture(autouse=True)
def tenants(acme: Any, new_tenant: Any) -> None:
    for tenant in (acme, new_tenant("globex", status="suspended")):
        tenant.status = "active"
        with tenant_context(tenant):
            Shelf.objects.create(name=tenant.name)


def test_every_tenant_of_any_status_is_entered() -> None:
    seen = {}
    with cross_tenant(reason="a count") as tenants:
        for tenant in tenants:
            assert require_tenant().id == tenant.pk
            seen[str(tenant)] = [shelf.name for shelf in Shelf.objects.all()]
        assert current_tenant() is None
    assert seen == {"Acme": ["Acme"], "Globex": ["Globex"]}


@pytest.mark.parametrize("reason", ["", " ", "\n"])
def test_reason_is_required(reason: str) -> None:
    with pytest.raises(ValueError, match="needs a reason"), cross_tenant(reason=reason):
        pytest.fail("entered")


def test_reason_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), cross_tenant(reason="monthly usage"):
        pass
    assert [record.getMessage() for record in caplog.records] == [
        "cross-tenant work: monthly usage"
    ]


def test_cross_tenant_work_without_an_audit_event_does_not_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(**kwargs: Any) -> None:
        raise ZeroDivisionError

    cross_tenant_started.connect(fail)
    try:
        with pytest.raises(ZeroDivisionError), cross_tenant(reason="x"):
            pytest.fail("entered")
    finally:
        cross_tenant_started.disconnect(fail)
    monkeypatch.setattr(cross_tenant_started, "receivers", [])
    with pytest.raises(RuntimeError, match="record"), cross_tenant(reason="x"):
        pytest.fail("entered")


@pytest.mark.parametrize(
    "line",
    [
        "import apps.isolation.cross_tenant",
        "from apps.isolation import cross_tenant",
        "from apps.isolation.cross_tenant import cross_tenant",
        "import logging",
    ],
)
def test_linter_refuses_cross_tenant_in_the_product(line: str, tmp_path: Path) -> None:
    for name in ("apps", "config", "devtools"):
        shutil.copytree(BASE_DIR / name, tmp_path / name, ignore=NO_CODE)
    (tmp_path / "apps" / "planted.py").write_text(f"{line}\n")
    settings = (BASE_DIR / "pyproject.toml").read_text()
    layers = settings.replace("layers = [", 'layers = ["planted", ')
    (tmp_path / "pyproject.toml").write_text(layers)
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    breach = "apps.planted -> apps.isolation.cross_tenant"
    is_refused = "cross_tenant" in line
    assert (breach in done.stdout, done.returncode) == (is_refused, int(is_refused))


def test_cross_tenant_is_refused_inside_a_tenant(acme: Any) -> None:
    with (
        tenant_context(acme),
        pytest.raises(RuntimeError, match="inside a tenant"),
        cross_tenant(reason="x"),
    ):
        pytest.fail("entered")


def test_no_tenant_is_active_after_break(acme: Any) -> None:
    with cross_tenant(reason="the first one") as tenants:
        for _ in tenants:
            break
    assert current_tenant() is None
    with tenant_context(acme):
        del tenants, _  # the abandoned loop must not affect later work
        assert require_tenant().id == acme.pk


def test_no_tenant_is_active_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), cross_tenant(reason="x") as tenants:
        for _ in tenants:
            raise ZeroDivisionError
    assert current_tenant() is None


def test_iterator_is_exhausted_after_the_block() -> None:
    with cross_tenant(reason="x") as tenants:
        next(tenants)
    assert list(tenants) == []
    assert current_tenant() is None
