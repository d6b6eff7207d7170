"""``create_tenant`` and ``list_tenants``."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.isolation.strategy.protocol import ProvisioningReport
from apps.isolation.strategy.provisioning import provisioning_report
from apps.isolation.testing import make_member
from apps.tenants.management.commands import list_tenants
from apps.tenants.models import Domain, Tenant
from tests.support import manage


def _run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


@pytest.mark.usefixtures("provisioning")
def test_create_tenant_prints_the_address() -> None:
    output = _run("create_tenant", "initech", "--name", "Initech Ltd")
    tenant = Tenant.objects.get()
    assert output == (
        f"Tenant initech ({tenant.pk}) at initech.localhost\n"
        "It has no Owner yet: manage.py assign_user_to_tenant initech EMAIL --role owner\n"
    )
    assert (tenant.name, tenant.status) == ("Initech Ltd", "active")


@pytest.mark.usefixtures("provisioning")
def test_create_tenant_with_a_domain_and_without_a_name() -> None:
    _run("create_tenant", "initech", "--domain", "shop.example.com")
    assert Tenant.objects.get().name == "initech"
    assert Domain.platform.get().domain == "shop.example.com"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["www"], "Cannot create 'www': This name is reserved."),
        (
            [""],
            (
                "Cannot create '': Use 1 to 63 lower-case letters, digits and hyphens, "
                "with no hyphen at either end."
            ),
        ),
        (["acme"], "Cannot create 'acme': This name is taken."),
        (
            ["other", "--domain", "acme.localhost"],
            "Cannot create 'other': Domain with this Domain already exists.",
        ),
        (
            ["other", "--domain", "localhost"],
            "Cannot create 'other': This host is shared by all tenants.",
        ),
    ],
)
def test_create_tenant_reports_errors(arguments: list[str], sentence: str, acme: Tenant) -> None:
    with pytest.raises(CommandError) as refusal:
        _run("create_tenant", *arguments)
    assert str(refusal.value) == sentence
    assert Tenant.objects.get() == acme


@pytest.mark.django_db
def test_error_has_a_sentence_and_an_exit_code() -> None:
    done = manage("create_tenant", "not_a_label")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "CommandError: Cannot create 'not_a_label': Use 1 to 63 lower-case letters, digits and "
        "hyphens, with no hyphen at either end.\n"
    )


@pytest.fixture
def tenants(new_tenant: Callable[..., Any]) -> None:
    acme, globex = new_tenant("acme"), new_tenant("globex", status="suspended")
    make_member(acme, "owner")
    make_member(acme, "member")
    make_member(acme, "viewer")
    make_member(globex, "owner")
    acme.memberships.filter(role="viewer").update(is_active=False)
    Domain(tenant=acme, domain="acme.example").save()


def test_list_tenants_prints_a_line_for_each(tenants: None) -> None:
    head, acme, globex = (line.split() for line in _run("list_tenants").splitlines())
    assert head == ["slug", "status", "domain", "members", "id"]
    ids = dict(Tenant.objects.values_list("slug", "pk"))
    assert acme == ["acme", "active", "acme.localhost", "2", str(ids["acme"])]
    assert globex == ["globex", "suspended", "globex.localhost", "1", str(ids["globex"])]


def test_list_tenants_prints_json(tenants: None) -> None:
    acme, globex = json.loads(_run("list_tenants", "--json"))
    assert acme == {
        "slug": "acme",
        "name": "Acme",
        "status": "active",
        "domain": "acme.localhost",
        "members": 2,
        "id": str(Tenant.objects.get(slug="acme").pk),
    }
    assert globex["status"] == "suspended"


def test_list_tenants_prints_names_and_sizes(tenants: None) -> None:
    head, *lines = (line.split() for line in _run("list_tenants", "--sizes").splitlines())
    assert head[-2:] == ["storage", "size"]
    rows = json.loads(_run("list_tenants", "--sizes", "--json"))
    for line, row in zip(lines, rows, strict=True):
        report = provisioning_report(Tenant.objects.get(pk=row["id"]))
        assert (row["storage"], row["size"]) == (report.name, report.size)
        assert line[-2:] == [report.name, str(report.size)]
    assert not {"storage", "size"} & json.loads(_run("list_tenants", "--json"))[0].keys()


def test_unfinished_tenant_has_no_size(tenants: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when `create_tenant` was killed half way."""
    nothing = ProvisioningReport(name="t_x", exists=False, tables=0, size=0)
    monkeypatch.setattr(list_tenants, "provisioning_report", lambda tenant: nothing)
    acme = json.loads(_run("list_tenants", "--sizes", "--json"))[0]
    assert (acme["storage"], acme["size"]) == ("", 0)
    assert _run("list_tenants", "--sizes").splitlines()[1].endswith(" 0")


@pytest.mark.django_db
def test_empty_list() -> None:
    assert json.loads(_run("list_tenants", "--json")) == []
    assert len(_run("list_tenants").splitlines()) == 1
