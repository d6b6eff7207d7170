"""Django's own commands inside a tenant."""

import json
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management import CommandError, call_command

from apps.authentication.models import User
from apps.isolation import tenant_context
from apps.isolation.fields import new_id
from apps.isolation.management.tenant_option import TenantManagementUtility, takes_tenant
from apps.isolation.testing import TenantAPITestCase
from apps.tenants.models import Tenant
from tests.pooler import is_behind_pooler
from tests.sample.models import Book, Label, Shelf
from tests.support import manage

NOW = "2026-01-01T00:00:00Z"
SHELF, ORIGINAL, COPY, READER = (str(new_id()) for _ in range(4))


def _row(model: str, pk: Any, **fields: Any) -> dict[str, Any]:
    return {"model": model, "pk": pk, "fields": fields}


def _book(pk: str, **fields: Any) -> dict[str, Any]:
    times = {"created_at": NOW, "updated_at": NOW}
    return _row("sample.book", pk, shelf=SHELF, title=pk, **times, **fields)


# The copy and both books come before the rows that they refer to.
OF_A_TENANT = [
    _book(COPY, original=ORIGINAL, reader=READER),
    _book(ORIGINAL),
    _row("sample.shelf", SHELF, name="loaded", created_at=NOW, updated_at=NOW),
]
SHARED = [
    _row("authentication.user", READER, email="reader@acme.test", password="!"),
    _row("account.emailaddress", 7, user=READER, email="reader@acme.test", verified=True),
]


@pytest.fixture
def fixture(tmp_path: Path) -> Callable[[list[Any]], str]:
    """Return a function that writes a fixture and returns its path."""

    def write(rows: list[Any]) -> str:
        path = tmp_path / "rows.json"
        path.write_text(json.dumps(rows), encoding="utf-8")
        return str(path)

    return write


def _dump(*labels: str, **options: Any) -> list[dict[str, Any]]:
    output = StringIO()
    call_command("dumpdata", *labels, stdout=output, **options)
    return list(json.loads(output.getvalue()))


@pytest.fixture
def labels_of_both(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            Label.objects.create(word=tenant.slug)


# dumpdata


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        (["sample"], {}),
        (["sample.label"], {}),
        ([], {}),
        (["sample"], {"use_base_manager": True}),
        (["sample"], {"use_natural_foreign_keys": True}),
    ],
)
def test_dump_contains_the_tenants_rows_only(
    labels: list[str], options: Any, acme: Tenant, labels_of_both: None
) -> None:
    with tenant_context(acme):
        rows = _dump(*labels, **options)
    assert [row["fields"] for row in rows] == [{"word": "acme"}]


@pytest.mark.parametrize("labels", [["sample"], ["sample.label"], ["sample", "authentication"], []])
def test_dump_without_a_tenant_fails(labels: list[str], labels_of_both: None) -> None:
    with pytest.raises(CommandError, match="sample belong to tenants: name one with --tenant"):
        _dump(*labels)


def test_dump_of_shared_data(acme: Tenant) -> None:
    User.objects.create_user("somebody@acme.test", "x")
    assert [row["model"] for row in _dump("authentication.user")] == ["authentication.user"]
    tenants = {"exclude": [name.rpartition(".")[2] for name in settings.TENANT_APPS]}
    assert {"tenants.tenant", "authentication.user"} <= {row["model"] for row in _dump(**tenants)}
    with (
        tenant_context(acme),
        pytest.raises(CommandError, match="authentication are shared data"),
    ):
        _dump("authentication", "sample")


# loaddata


def test_dump_can_be_loaded_into_another_tenant(acme: Tenant, globex: Tenant, fixture: Any) -> None:
    with tenant_context(acme):
        shelf = Shelf.objects.create(name="moved")
        Book.objects.create(shelf=shelf, title="moved, too")
        path = fixture(_dump("sample"))
        shelf.delete()
    with tenant_context(globex):
        call_command("loaddata", path, verbosity=0)
        assert Book.objects.get().shelf == Shelf.objects.get(name="moved")
    with tenant_context(acme):
        assert not Shelf.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rows", [OF_A_TENANT + SHARED, SHARED + OF_A_TENANT])
def test_fixture_without_tenant_and_with_shared_data(
    rows: list[Any], acme: Tenant, globex: Tenant, fixture: Any
) -> None:
    with tenant_context(acme):
        call_command("loaddata", fixture(rows), verbosity=0)
        copy: Any = Book.objects.get(original__isnull=False)
        assert copy.original.shelf.name == "loaded"
    with tenant_context(globex):
        assert not Book.objects.exists()
    reader = User.objects.get(pk=READER)
    assert EmailAddress.objects.create(user=reader, email="x@acme.test").pk > 7


@pytest.mark.parametrize("rows", [OF_A_TENANT, OF_A_TENANT[-1:], SHARED + OF_A_TENANT])
def test_loading_without_a_tenant_fails(rows: list[Any], acme: Tenant, fixture: Any) -> None:
    with pytest.raises(CommandError, match=r"sample\.\w+ belongs to tenants"):
        call_command("loaddata", fixture(rows), verbosity=0)
    assert not User.objects.filter(pk=READER).exists()


@pytest.mark.parametrize("database", ["default", "owner"])
def test_shared_data_is_loaded_without_a_tenant(database: str, db: None, fixture: Any) -> None:
    path = fixture(SHARED + OF_A_TENANT)
    call_command("loaddata", path, exclude=["sample"], database=database, verbosity=0)
    assert EmailAddress.objects.using(database).get(pk=7).user_id == UUID(READER)


class FixtureTests(TenantAPITestCase):
    """``fixtures`` in a test case."""

    fixtures = ["tests/sample/shelf.json"]

    def test_fixtures_are_loaded_into_the_first_tenant(self) -> None:
        with tenant_context(self.tenant):
            assert Shelf.objects.get().name == "from a fixture"
        with tenant_context(self.other_tenant):
            assert not Shelf.objects.exists()


# --tenant


PSQL = f"""#!{sys.executable}
import sys, psycopg
flags = {{"-U": "user", "-h": "host", "-p": "port"}}
given = {{flags[flag]: value for flag, value in zip(sys.argv, sys.argv[1:]) if flag in flags}}
with psycopg.connect(dbname=sys.argv[-1], **given) as session:
    try:
        words = session.execute("SELECT word FROM sample_label").fetchall()
    except psycopg.errors.UndefinedTable:
        words = []
    print([word for (word,) in words] or "nothing")
"""


def _run(name: str, *words: str) -> Any:
    """Run a command like manage.py, but in this process."""
    return call_command(TenantManagementUtility(["manage.py"]).fetch_command(name), *words)


@pytest.mark.parametrize("slug", ["acme", "globex"])
def test_commands_of_a_tenant(slug: str, labels_of_both: None, capfd: Any) -> None:
    _run("dumpdata", "sample", f"--tenant={slug}")
    assert [row["fields"] for row in json.loads(capfd.readouterr().out)] == [{"word": slug}]
    words = "print([each.word for each in __import__('tests.sample.models').sample.models.Label."
    _run("shell", "--no-imports", "-c", f"{words}objects.all()])", "--tenant", slug)
    assert capfd.readouterr().out.strip() == f"['{slug}']"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("slug", ["acme", "globex", ""])
def test_dbshell_is_in_the_tenant(
    slug: str,
    labels_of_both: None,
    capfd: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if slug and is_behind_pooler():
        pytest.skip("a pooler refuses the option that presets the tenant")
    psql = tmp_path / "psql"
    psql.write_text(PSQL, encoding="utf-8")
    psql.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    _run("dbshell", *(["--tenant", slug] if slug else []))
    assert capfd.readouterr().out.strip() == (f"['{slug}']" if slug else "nothing")


def test_manage_py_accepts_the_option(db: None) -> None:
    result = manage("shell", "-c", "", "--tenant", "nobody")
    assert (result.returncode, "There is no tenant 'nobody'." in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["shell", "-c", "", "--tenant", "nobody"], "There is no tenant 'nobody'."),
        (["dumpdata", "--tenant", "acme", "--database", "owner"], "omit --database"),
        (["dumpdata", "sample"], "belong to tenants: name one with --tenant"),
        (["clearsessions", "--tenant=acme"], "unrecognized arguments"),
        (["shell", "-c", "", "--tenant", "globex"], "is unavailable"),
    ],
)
def test_unavailable_tenant_is_an_error(
    words: list[str], message: str, acme: Tenant, globex: Tenant
) -> None:
    Tenant.objects.filter(slug="globex").update(status="suspended")
    with pytest.raises(CommandError, match=message):
        _run(*words)


@pytest.mark.parametrize(
    ("name", "takes"),
    {
        "shell": True,
        "dbshell": True,
        "loaddata": True,
        "inspectdb": True,
        "spectacular": True,  # of a package
        "migrate": False,
        "flush": False,
        "create_tenant": False,
        "createsuperuser": False,
        "clearsessions": False,
        "seed_demo": False,
        "runserver": False,
    }.items(),
)
def test_commands_with_the_option(name: str, takes: bool) -> None:
    assert takes_tenant(name) == takes
