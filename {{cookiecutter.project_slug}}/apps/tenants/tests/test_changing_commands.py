"""The commands that change a tenant: changes, errors, output and dry runs."""

import json
import os
from collections.abc import Callable
from io import StringIO
from typing import Any
from unittest.mock import ANY
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from apps.audit.models import AuditEvent
from apps.isolation.app_registry import OWNER, SHARED_DB
from apps.isolation.strategy.naming import physical_name
from apps.isolation.testing import api_client, breach, make_member
from apps.tenants.models import Domain, Tenant
from tests.support import manage

COMMANDS = {
    "suspend_tenant": ["acme"],
    "resume_tenant": ["globex"],
    "archive_tenant": ["acme", "--reason", "The contract ended."],
    "hold_tenant": ["acme", "--reason", "A lawsuit."],
    "rename_tenant": ["acme", "--slug", "initech", "--name", "Initech"],
}


@pytest.fixture(autouse=True)
def tenants(new_tenant: Callable[..., Any]) -> None:
    make_member(new_tenant("acme"), "owner")
    new_tenant("globex", status="suspended")


def _run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def _stored() -> list[Any]:
    models = (Tenant, Domain, AuditEvent)
    return [list(model._base_manager.order_by("pk").values()) for model in models]


def _events() -> list[str]:
    # Ids are ordered by time.
    return list(AuditEvent.platform.order_by("id").values_list("action", flat=True))


CHANGES: dict[str, dict[str, Any]] = {
    "suspend_tenant": {"status": {"before": "active", "after": "suspended"}},
    "resume_tenant": {"status": {"before": "suspended", "after": "active"}},
    "archive_tenant": {
        "status": {"before": "active", "after": "archived"},
        "purge_after": {"before": None, "after": ANY},
    },
    "hold_tenant": {"hold_reason": {"before": "", "after": "A lawsuit."}},
    "rename_tenant": {
        "name": {"before": "Acme", "after": "Initech"},
        "slug": {"before": "acme", "after": "initech"},
        "domain": {"before": "acme.localhost", "after": "initech.localhost"},
    },
}


@pytest.mark.parametrize("command", COMMANDS)
def test_command_reports_changes_and_dry_run_rolls_back(command: str) -> None:
    arguments, before = COMMANDS[command], _stored()
    expected = {"tenant": arguments[0], "dry_run": True, "changes": CHANGES[command]}
    assert json.loads(_run(command, *arguments, "--dry-run", "--json")) == expected
    lines = _run(command, *arguments, "--dry-run").splitlines()
    assert len(lines) == len(CHANGES[command])
    assert all(": would be " in line for line in lines)
    assert _stored() == before
    report = json.loads(_run(command, *arguments, "--json"))
    assert report == {**expected, "dry_run": False}
    assert _stored() != before


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "rename_tenant"])
def test_second_run_changes_nothing(command: str) -> None:
    _run(command, *COMMANDS[command])
    before = _stored()
    assert _run(command, *COMMANDS[command]) == "Nothing to change.\n"
    assert _stored() == before


@pytest.mark.parametrize("command", COMMANDS)
def test_help_text(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        call_command(command, "--help")
    assert ending.value.code == 0
    assert "--dry-run" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_tenant_is_refused(command: str) -> None:
    with pytest.raises(CommandError, match=r"There is no tenant 'nobody'\."):
        _run(command, "nobody", *COMMANDS[command][1:])


def test_suspend_and_resume_apply_to_the_next_request() -> None:
    client = api_client(Tenant.objects.get(slug="acme"), "owner@acme.test")
    for command, status in (("suspend_tenant", 403), ("resume_tenant", 200)):
        _run(command, "acme")
        assert client.get("/api/v1/sample/shelves/").status_code == status
    assert _events()[-2:] == ["tenant.suspended", "tenant.resumed"]


@pytest.mark.parametrize("command", ["suspend_tenant", "resume_tenant"])
def test_tenant_in_preparation_is_not_changed(command: str) -> None:
    Tenant.objects.filter(slug="acme").update(status="preparing")
    with pytest.raises(CommandError, match="Only a tenant that is"):
        _run(command, "acme")


def test_rename_changes_the_platform_domain_only() -> None:
    acme = Tenant.objects.get(slug="acme")
    Domain(tenant=acme, domain="acme.example").save()
    _run("rename_tenant", "acme", "--slug", "initech")
    renamed = Tenant.objects.get(slug="initech")
    assert (renamed.pk, renamed.name) == (acme.pk, "Acme")
    assert physical_name(renamed.pk) == physical_name(acme.pk)
    names = set(Domain.objects.for_tenant(acme).values_list("domain", flat=True))
    assert names == {"initech.localhost", "acme.example"}
    assert _events() == ["tenant.renamed", "domain.changed"]
    client = api_client(renamed, "owner@acme.test")
    assert client.get("/api/v1/sample/shelves/").status_code == 200


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Give --name, --slug, or both"),
        (["--slug", "www"], "This name is reserved"),
        (["--slug", "adm1n"], "This name is reserved"),
        (["--slug", "globex"], "This name is taken"),
        (["--slug", "gl0bex"], "is too similar to one"),
        (["--slug", "Not A Label"], "Use 1 to 63 lower-case letters"),
        (["--slug", "taken"], "Domain with this Domain already exists"),
        (["--name", "two\nlines"], "Enter a single line"),
    ],
)
def test_invalid_name_is_refused(arguments: list[str], reason: str) -> None:
    Domain(tenant=Tenant.objects.get(slug="globex"), domain="taken.localhost").save()
    before = _stored()
    with pytest.raises(CommandError, match=reason):
        _run("rename_tenant", "acme", *arguments)
    assert _stored() == before


@pytest.mark.django_db(transaction=True)
def test_errors_have_a_sentence_and_an_exit_code() -> None:
    done = manage("suspend_tenant", "nobody")
    assert (done.returncode, done.stderr) == (1, "CommandError: There is no tenant 'nobody'.\n")
    assert manage("suspend_tenant").returncode == 2


@pytest.mark.django_db(transaction=True)
def test_unmigrated_database_is_reported() -> None:
    name = f"{connections[OWNER].settings_dict['NAME']}_empty"
    urls = {
        variable: urlsplit(os.environ[variable])._replace(path=f"/{name}").geturl()
        for variable in ("DATABASE_URL", "DATABASE_OWNER_URL")
    }
    with breach(f"CREATE DATABASE {name}", f"DROP DATABASE {name}"):
        for command, what in (("create_tenant", "create"), ("suspend_tenant", "change")):
            done = manage(command, "acme", **urls)
            sentence = "a table is missing. Run manage.py migrate first."
            assert done.stderr == f"CommandError: Cannot {what} 'acme': {sentence}\n"
            assert done.returncode == 1
        # A connected pooler prevents DROP DATABASE, so each role terminates its own connections.
        for alias in (SHARED_DB, OWNER):
            with connections[alias].cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = %s AND usename = current_user",
                    [name],
                )
