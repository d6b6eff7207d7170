"""Audited work over all tenants, one after the other."""

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


def test_each_tenant_in_turn_whatever_its_status() -> None:
    seen = {}
    with cross_tenant(reason="a count") as tenants:
        for tenant in tenants:
            assert require_tenant().id == tenant.pk
            seen[str(tenant)] = [shelf.name for shelf in Shelf.objects.all()]
        assert current_tenant() is None
    assert seen == {"Acme": ["Acme"], "Globex": ["Globex"]}


@pytest.mark.parametrize("reason", ["", " ", "\n"])
def test_it_needs_a_reason(reason: str) -> None:
    with pytest.raises(ValueError, match="needs a reason"), cross_tenant(reason=reason):
        pytest.fail("entered")


def test_the_reason_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), cross_tenant(reason="monthly usage"):
        pass
    assert [record.getMessage() for record in caplog.records] == [
        "cross-tenant work: monthly usage"
    ]


def test_what_cannot_be_written_down_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_the_linter_keeps_the_product_from_it(line: str, tmp_path: Path) -> None:
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


def test_it_is_refused_inside_a_tenant(acme: Any) -> None:
    with (
        tenant_context(acme),
        pytest.raises(RuntimeError, match="inside a tenant"),
        cross_tenant(reason="x"),
    ):
        pytest.fail("entered")


def test_after_a_break_no_tenant_is_active(acme: Any) -> None:
    with cross_tenant(reason="the first one") as tenants:
        for _ in tenants:
            break
    assert current_tenant() is None
    with tenant_context(acme):
        del tenants, _  # what is left of the loop must not reach into later work
        assert require_tenant().id == acme.pk


def test_after_an_exception_no_tenant_is_active() -> None:
    with pytest.raises(ZeroDivisionError), cross_tenant(reason="x") as tenants:
        for _ in tenants:
            raise ZeroDivisionError
    assert current_tenant() is None


def test_after_its_end_it_gives_no_more_tenants() -> None:
    with cross_tenant(reason="x") as tenants:
        next(tenants)
    assert list(tenants) == []
    assert current_tenant() is None
