"""``export_tenant`` and ``verify_tenant``."""

import gzip
import json
import resource
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError
from django.db import connection

from apps.audit.models import AuditEvent
from apps.authentication.models import User
from apps.isolation import tenant_context
from apps.portability import exporting, writing
from apps.portability.files import names_in
from apps.portability.tests.conftest import SCAN, Forgery, members_of, run
from apps.tenants.lifecycle import suspend
from apps.tenants.models import Tenant
from config.env import BASE_DIR
from tests.sample.models import Book, Scan, Shelf
from tests.support import environment, start

pytestmark = pytest.mark.usefixtures("provisioning")


def test_archive_has_documents_first_and_the_manifest_last(archive: Path) -> None:
    names = list(members_of(archive))
    assert names[:2] == ["header.json", "shared.json"]
    assert names[-1] == "manifest.json"
    folders = [name.split("/")[0] for name in names[2:-1]]
    assert folders == sorted(folders, key=["rows", "files", "audit"].index)


def test_rows_come_after_the_rows_that_they_refer_to(archive: Path) -> None:
    names = list(members_of(archive))
    places = {name.split("/")[1]: place for place, name in enumerate(names) if "rows/" in name}
    assert places["sample.shelf"] < places["sample.book"] < places["sample.scan"]


def test_rows_are_json_without_the_tenant(archive: Path, source: Tenant) -> None:
    rows = Forgery(archive).rows("sample.book")
    with tenant_context(source):
        ids = [str(pk) for pk in Book.objects.order_by("pk").values_list("pk", flat=True)]
    assert [row["id"] for row in rows] == ids
    assert rows[0]["position"] == 0
    assert "tenant_id" not in rows[0]


def test_archive_has_no_secrets(archive: Path, source: Tenant) -> None:
    user = User.objects.get(email="owner@acme.test")
    text = b"".join(
        gzip.decompress(each) if name.endswith(".gz") else each
        for name, each in members_of(archive).items()
    ).decode()
    assert "new@example.test" in text
    assert user.password not in text
    assert "secret-hash" not in text
    members = json.loads(members_of(archive)["shared.json"])["members"]
    fields = {"user", "email", "verified", "full_name", "role", "is_active", "joined_at"}
    assert all(set(member) == fields for member in members)


def test_file_is_its_owners_only(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


def test_existing_file_is_refused(archive: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(CommandError, match="File exists"):
        run("export_tenant", "acme", archive)
    assert archive.read_bytes() == before


def test_export_is_in_the_audit_log(archive: Path, source: Tenant) -> None:
    assert AuditEvent.objects.for_tenant(source).filter(action="tenant.exported").count() == 1


def test_suspended_tenant_is_exported(source: Tenant, tmp_path: Path) -> None:
    suspend(source)
    assert run("export_tenant", "acme", tmp_path / "a.tar")["rows"]


@pytest.mark.parametrize("status", ["preparing", "importing", "purging"])
def test_incomplete_tenant_is_refused(source: Tenant, tmp_path: Path, status: str) -> None:
    Tenant.objects.update(status=status)
    with pytest.raises(CommandError, match=f"it is {status}"):
        run("export_tenant", "acme", tmp_path / "a.tar")
    Tenant.objects.update(status="active")


def test_archive_is_of_one_moment(
    source: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that another connection writes meanwhile are not in it."""
    write = exporting._Export._write_documents

    def write_and_change(self: Any, *arguments: Any) -> Any:
        code = (
            "import django; django.setup();"
            "from apps.isolation import tenant_context; from apps.tenants.models import Tenant;"
            "from tests.sample.models import Book, Shelf\n"
            "with tenant_context(Tenant.objects.get()):\n"
            "    Book.objects.create(shelf=Shelf.objects.get(), title='later')"
        )
        with start("-c", code, DJANGO_SETTINGS_MODULE="config.settings.test") as process:
            _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        return write(self, *arguments)

    monkeypatch.setattr(exporting._Export, "_write_documents", write_and_change)
    archive = tmp_path / "a.tar"
    run("export_tenant", "acme", archive)
    assert "later" not in {row["title"] for row in Forgery(archive).rows("sample.book")}
    with tenant_context(source):
        assert Book.objects.filter(title="later").exists()
    with pytest.raises(CommandError, match="1 tables or files differ"):
        run("verify_tenant", "acme", archive)


def test_long_tables_are_split(
    source: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART", 700)
    archive = tmp_path / "a.tar"
    run("export_tenant", "acme", archive)
    parts = [each for name, each in members_of(archive).items() if "sample.book" in name]
    texts = [gzip.decompress(part) for part in parts]
    assert len(parts) > 1
    assert max(map(len, texts)) <= 700
    assert sum(text.count(b"\n") for text in texts) == 4
    assert run("verify_tenant", "acme", archive)["differences"] == []


def _peak(work: Callable[[], object]) -> int:
    """Return the most bytes that work has allocated in Python at a time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_table(
    source: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of 20,000 bytes stand for those of a megabyte."""
    monkeypatch.setattr(writing, "PART", 20_000)
    monkeypatch.setattr("apps.portability.rows.PART", 20_000)
    with tenant_context(source):
        shelf = Shelf.objects.get()
    peaks = []
    for count in (10, 500, 5000):  # the first one loads modules
        with tenant_context(source):
            Book.objects.bulk_create(Book(shelf=shelf, title="x" * 200) for _ in range(count))
        path = str(tmp_path / f"{count}.tar")
        exported = _peak(partial(run, "export_tenant", "acme", path))
        verified = _peak(partial(run, "verify_tenant", "acme", path))
        peaks.append((exported, verified))
    rows = 5000 * 600
    assert peaks[2][0] - peaks[1][0] < rows / 4
    assert peaks[2][1] - peaks[1][1] < rows / 4


def test_too_long_row_is_refused(
    source: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "LONGEST_ROW", 100)
    with pytest.raises(CommandError, match="100 are allowed"):
        run("export_tenant", "acme", tmp_path / "a.tar")
    assert not list(tmp_path.iterdir())


def test_lost_file_is_refused_and_can_be_left_out(source: Tenant, tmp_path: Path) -> None:
    with tenant_context(source):
        default_storage.delete(str(Scan.objects.get().file))
    with pytest.raises(CommandError, match="is lost, and a row names it"):
        run("export_tenant", "acme", tmp_path / "a.tar")
    run("export_tenant", "acme", tmp_path / "a.tar", without_files=True)
    assert not [each for each in members_of(tmp_path / "a.tar") if each.startswith("files/")]


def test_file_that_vanishes_with_its_row_is_left_out(
    source: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def named_and_removed(tables: Any) -> set[str]:
        return names_in(tables) | {"scans/gone"}

    monkeypatch.setattr(exporting, "names_in", named_and_removed)
    run("export_tenant", "acme", tmp_path / "a.tar")
    assert Forgery(tmp_path / "a.tar").manifest["missing"] == ["scans/gone"]


def test_export_to_a_pipe_is_the_archive_alone(
    source: Tenant, tmp_path: Path, settings: Any
) -> None:
    path = tmp_path / "a.tar"
    command = [sys.executable, "manage.py", "export_tenant", "acme", "-"]
    env = environment(MEDIA_ROOT=settings.MEDIA_ROOT)
    with path.open("wb") as file:
        done = subprocess.run(
            command, cwd=BASE_DIR, env=env, stdout=file, stderr=subprocess.PIPE, check=True
        )
    assert run("verify_tenant", "acme", path)["differences"] == []
    assert b"rows: " in done.stderr


def test_full_disk_leaves_no_file(source: Tenant, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / "a.tar"
    code = (
        "import resource, signal, sys, runpy; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (8192, {limits[1]}));"
        f"sys.argv = ['manage.py', 'export_tenant', 'acme', {str(path)!r}];"
        "runpy.run_path('manage.py', run_name='__main__')"
    )
    with start("-c", code) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Cannot export 'acme'" in errors
    assert "File too large" in errors
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())


def test_verification_finds_changed_rows_and_files(archive: Path, source: Tenant) -> None:
    assert run("verify_tenant", "acme", archive)["differences"] == []
    with tenant_context(source):
        Book.objects.filter(title="first").update(title="second")
        path = Path(default_storage.path(str(Scan.objects.get().file)))
        path.chmod(0o600)
        path.write_bytes(SCAN.replace(b"page", b"epag", 1))
        Shelf.objects.create(name="another")
    with pytest.raises(CommandError, match="3 tables or files differ"):
        run("verify_tenant", "acme", archive)


def test_verification_of_another_tenant_is_refused(archive: Path, neighbour: Tenant) -> None:
    with pytest.raises(CommandError, match="The archive is of the tenant"):
        run("verify_tenant", "globex", archive)


def test_formats_of_the_session_do_not_change_sums(archive: Path, source: Tenant) -> None:
    settings = "SET TimeZone = 'Asia/Tokyo'; SET extra_float_digits = -9"
    with tenant_context(source):
        with connection.cursor() as cursor:
            cursor.execute(settings)
        assert run("verify_tenant", "acme", archive)["differences"] == []
        with connection.cursor() as cursor:
            cursor.execute("RESET ALL; SET TimeZone = 'UTC'")
