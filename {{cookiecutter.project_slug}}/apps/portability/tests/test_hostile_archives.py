"""Archives that somebody has changed. Each is refused with a sentence, and leaves nothing."""

import gzip
from collections.abc import Callable
from pathlib import Path
from tarfile import DIRTYPE, LNKTYPE, SYMTYPE
from typing import Any

import pytest
from django.core.management import CommandError

from apps.isolation import tenant_context
from apps.isolation.fields import new_id
from apps.isolation.testing import IDS_ARE_UNIQUE_AMONG_TENANTS
from apps.portability import reading
from apps.portability.documents import hash_of
from apps.portability.tables import fingerprint
from apps.portability.tests.conftest import Forgery, members_of, run, write
from apps.tenants.models import Tenant
from tests.sample.models import Shelf

pytestmark = pytest.mark.usefixtures("provisioning")


def _is_refused(path: Path, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("import_tenant", path)
    assert not Tenant.objects.exists()


# Bytes that are no archive


@pytest.mark.parametrize("size", [0, 100, 512, 1024, 5000, -1, -600, -1024, -2000])
def test_cut_archive(elsewhere: Path, unchanged: None, size: int) -> None:
    elsewhere.write_bytes(elsewhere.read_bytes()[:size])
    _is_refused(elsewhere, "ends|incomplete")


def test_every_damaged_byte_is_noticed(elsewhere: Path, unchanged: None) -> None:
    content = elsewhere.read_bytes()
    for place in range(7, len(content) - 2048, len(content) // 40):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        elsewhere.write_bytes(damaged)
        try:
            run("import_tenant", elsewhere, dry_run=True)
        except CommandError:
            continue
        # The padding of members, and fields of tar headers that nobody reads.
        assert members_of(elsewhere) == members_of(write(elsewhere, members_of(elsewhere)))


@pytest.mark.parametrize(
    "content",
    [b"\0" * 5000, b"PK" * 1000, gzip.compress(b"x" * 99)],
    ids=["zeros", "text", "gzip"],
)
def test_other_files(elsewhere: Path, unchanged: None, content: bytes) -> None:
    elsewhere.write_bytes(content)
    _is_refused(elsewhere, "incomplete|begins no member|ends")


# Members


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../header.json",
        "files/../../x",
        "files/./x",
        "files//x",
        "files/a\\b",
        "files/a\nb",
        "files/",
        "rows/sample.shelf/1.gz",
        "rows/../sample.shelf/000000.gz",
        "else.json",
    ],
)
def test_member_with_another_name(elsewhere: Path, unchanged: None, name: str) -> None:
    forgery = Forgery(elsewhere)
    forgery.members[name] = b"x"
    _is_refused(forgery.write(), "is not the name of a member")


@pytest.mark.parametrize(
    "name",
    [
        "rows/authentication.user/000000.gz",
        "rows/sample.shelf/000001.gz",
        "audit/000009.gz",
        "files/unlisted",
    ],
)
def test_member_that_is_not_listed(elsewhere: Path, unchanged: None, name: str) -> None:
    forgery = Forgery(elsewhere)
    forgery.members[name] = b"x"
    _is_refused(forgery.write(), "and not in both")


@pytest.mark.parametrize("kind", [SYMTYPE, LNKTYPE, DIRTYPE, b"x", b"g", b"L", b"S", b"3", b"\0"])
def test_member_of_another_type(elsewhere: Path, unchanged: None, kind: bytes) -> None:
    forgery = Forgery(elsewhere)
    forgery.types = {"rows/sample.shelf/000000.gz": kind}
    _is_refused(forgery.write(), "is not a regular file")


def test_member_twice(elsewhere: Path, unchanged: None) -> None:
    content = elsewhere.read_bytes()
    end = content.index(b"shared.json")
    elsewhere.write_bytes(content[:end] + content[:end] + content[end:])
    _is_refused(elsewhere, "twice")


def test_too_many_members(
    elsewhere: Path, unchanged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_MEMBERS", 5)
    _is_refused(elsewhere, "too many members")


def test_large_document(elsewhere: Path, unchanged: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_DOCUMENT", 100)
    _is_refused(elsewhere, "100 are allowed")


def test_rows_that_expand_too_much(
    elsewhere: Path, unchanged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [each for name, each in members_of(elsewhere).items() if name.endswith(".gz")]
    monkeypatch.setattr(reading, "MOST_EXPANSION", 0)
    # Each part is short enough.
    monkeypatch.setattr(reading, "PART", max(len(gzip.decompress(part)) for part in parts))
    _is_refused(elsewhere, "more than 0 times the archive's bytes")


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (gzip.compress(b" " * 66 * 1024**2), "too long after expansion"),
        (gzip.compress((b" " * 1023 + b"\n") * 2000), "too many rows"),
        (gzip.compress(b"{}\n")[:-3], "damaged"),
        (gzip.compress(b"{}\n") + b"more", "damaged"),
        (b"no gzip", "not compressed"),
        (gzip.compress(b"{}"), "does not end with a row"),
        (gzip.compress(b"{}\n{}\n"), "has 2 rows"),
    ],
    ids=["bomb", "long", "cut", "more", "plain", "open", "count"],
)
def test_part(elsewhere: Path, unchanged: None, packed: bytes, message: str) -> None:
    forgery = Forgery(elsewhere)
    forgery.set_part("sample.shelf", packed, 1)
    _is_refused(forgery.write(), message)


# Documents


def _of_another_format(forgery: Forgery) -> None:
    forgery.header["format"] = 2


def _with_an_unknown_field(forgery: Forgery) -> None:
    forgery.shared["status"] = "active"


def _with_a_forbidden_role(forgery: Forgery) -> None:
    forgery.shared["members"][0]["role"] = "superuser"


def _with_a_user_twice(forgery: Forgery) -> None:
    forgery.shared["members"] *= 2


def _with_a_wrong_address(forgery: Forgery) -> None:
    forgery.shared["members"][0] |= {"email": "nobody", "user": str(new_id())}


def _with_an_address_in_upper_case(forgery: Forgery) -> None:
    forgery.shared["members"][0] |= {"email": "X@example.test", "user": str(new_id())}


def _without_a_user(forgery: Forgery) -> None:
    forgery.shared["members"] = []


def _with_a_reserved_slug(forgery: Forgery) -> None:
    forgery.shared["slug"] = "admin"


def _with_two_lines_of_name(forgery: Forgery) -> None:
    forgery.shared["name"] = "x\nBcc: all@example.test"


def _with_an_unknown_setting(forgery: Forgery) -> None:
    forgery.shared["settings"] = {"is_free": 1}


def _with_keys_of_a_tenants_model(forgery: Forgery) -> None:
    forgery.shared["keys"] = {"sample.shelf": {"1": ["x"]}}


def _with_keys_of_no_model(forgery: Forgery) -> None:
    forgery.shared["keys"] = {"os.system": {"1": ["x"]}}


def _with_an_unknown_content_type(forgery: Forgery) -> None:
    keys = forgery.shared["keys"]["contenttypes.contenttype"]
    keys.update({key: ["sample", "nothing"] for key in keys})


def _without_a_content_type(forgery: Forgery) -> None:
    forgery.shared["keys"] = {}


def _with_another_hash_of_the_header(forgery: Forgery) -> None:
    forgery.header["fingerprint"] = "0" * 64


def _with_fewer_tables(forgery: Forgery) -> None:
    del forgery.header["tables"]["sample.note"]
    forgery.header["fingerprint"] = fingerprint(forgery.header["tables"])


def _with_a_negative_count(forgery: Forgery) -> None:
    forgery.manifest["tables"]["sample.shelf"]["rows"] = -1


def _with_a_wrong_count(forgery: Forgery) -> None:
    forgery.manifest["tables"]["sample.shelf"]["rows"] = 2


def _with_a_wrong_sum(forgery: Forgery) -> None:
    forgery.manifest["tables"]["sample.shelf"]["sums"] = ["1", "2"]


def _with_a_wrong_hash_of_a_part(forgery: Forgery) -> None:
    forgery.manifest["tables"]["sample.shelf"]["parts"][0]["sha256"] = "0" * 64


def _with_a_wrong_hash_of_a_file(forgery: Forgery) -> None:
    next(iter(forgery.manifest["files"].values()))["sha256"] = "0" * 64


def _with_a_wrong_size_of_a_file(forgery: Forgery) -> None:
    next(iter(forgery.manifest["files"].values()))["size"] += 1


def _with_a_file_that_no_row_names(forgery: Forgery) -> None:
    forgery.members["files/else"] = b"x"
    forgery.manifest["files"]["else"] = {"size": 1, "sha256": hash_of(b"x")}


def _without_a_file_that_a_row_names(forgery: Forgery) -> None:
    for name in list(forgery.manifest["files"]):
        del forgery.manifest["files"][name]
        del forgery.members[f"files/{name}"]


DOCUMENTS: dict[Callable[[Forgery], None], str] = {
    _of_another_format: "header.json is not valid: format",
    _with_an_unknown_field: "shared.json is not valid: status",
    _with_a_forbidden_role: "shared.json is not valid: members.0.role",
    _with_a_user_twice: "has a user twice",
    _with_a_wrong_address: "is not valid",
    _with_an_address_in_upper_case: "is not in lower case",
    _without_a_user: "which shared.json does not contain",
    _with_a_reserved_slug: "reserved",
    _with_two_lines_of_name: "single line",
    _with_an_unknown_setting: "no setting is_free",
    _with_keys_of_a_tenants_model: "no shared rows with natural keys",
    _with_keys_of_no_model: "no model 'os.system'",
    _with_an_unknown_content_type: "no row .* of contenttypes.contenttype",
    _without_a_content_type: "which shared.json does not contain",
    _with_another_hash_of_the_header: "fingerprint",
    _with_fewer_tables: "list different tables",
    _with_a_negative_count: "manifest.json is not valid",
    _with_a_wrong_count: "the manifest says 2",
    _with_a_wrong_sum: "sample.shelf has other contents",
    _with_a_wrong_hash_of_a_part: "was changed",
    _with_a_wrong_hash_of_a_file: "was changed",
    _with_a_wrong_size_of_a_file: "another size",
    _with_a_file_that_no_row_names: "No row names the file 'else'",
    _without_a_file_that_a_row_names: "A row names the file .* which is missing",
}


@pytest.mark.parametrize(
    ("change", "message"), DOCUMENTS.items(), ids=[each.__name__ for each in DOCUMENTS]
)
def test_documents(
    elsewhere: Path, unchanged: None, change: Callable[[Forgery], None], message: str
) -> None:
    forgery = Forgery(elsewhere)
    change(forgery)
    _is_refused(forgery.write(), message)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"a": 1}', "[" * 100_000, "\\u0000"])
@pytest.mark.parametrize("name", ["header.json", "shared.json", "manifest.json"])
def test_document_that_is_none(elsewhere: Path, unchanged: None, name: str, text: str) -> None:
    members = {**members_of(elsewhere), name: text.encode()}
    _is_refused(write(elsewhere, members), "is not valid|was changed")


# Rows


def _no_object(row: dict[str, Any]) -> Any:
    return [row]


def _other_type(row: dict[str, Any]) -> Any:
    return {**row, "created_at": "tomorrow, perhaps"}


def _too_long(row: dict[str, Any]) -> Any:
    return {**row, "name": "x" * 201}


def _null(row: dict[str, Any]) -> Any:
    return {**row, "name": None}


def _forbidden_status(row: dict[str, Any]) -> Any:
    return {**row, "status": "none"}


def _nul(row: dict[str, Any]) -> Any:
    return {**row, "name": "\0"}


def _user_of_nobody(row: dict[str, Any]) -> Any:
    return {**row, "created_by_id": str(new_id())}


def _other_contents(row: dict[str, Any]) -> Any:
    return {**row, "name": "other"}


ROWS: dict[Callable[[dict[str, Any]], Any], str] = {
    _no_object: "is not a JSON object",
    _other_type: "cannot be stored: invalid input syntax",
    _too_long: "cannot be stored: value too long",
    _null: "cannot be stored: null value",
    _forbidden_status: "cannot be stored: new row .* violates check",
    _nul: "cannot be stored",
    _user_of_nobody: "which shared.json does not contain",
    _other_contents: "sample.shelf has other contents",
}


@pytest.mark.parametrize(("change", "message"), ROWS.items(), ids=[each.__name__ for each in ROWS])
def test_rows(
    elsewhere: Path, unchanged: None, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    forgery = Forgery(elsewhere)
    forgery.set_rows("sample.shelf", [change(row) for row in forgery.rows("sample.shelf")])
    _is_refused(forgery.write(), message)


def test_row_twice(elsewhere: Path, unchanged: None) -> None:
    forgery = Forgery(elsewhere)
    forgery.set_rows("sample.shelf", forgery.rows("sample.shelf") * 2)
    _is_refused(forgery.write(), "cannot be stored: duplicate key")


def test_row_that_names_no_row(elsewhere: Path, unchanged: None) -> None:
    forgery = Forgery(elsewhere)
    rows = [{**row, "shelf_id": str(new_id())} for row in forgery.rows("sample.book")]
    forgery.set_rows("sample.book", rows)
    _is_refused(forgery.write(), "cannot be stored: .* violates foreign key")


def test_row_that_names_another_tenants_row(elsewhere: Path, neighbour: Tenant) -> None:
    with tenant_context(neighbour):
        theirs = str(Shelf.objects.get().pk)
    forgery = Forgery(elsewhere)
    rows = [{**row, "shelf_id": theirs} for row in forgery.rows("sample.book")]
    forgery.set_rows("sample.book", rows)
    with pytest.raises(CommandError, match=r"cannot be stored: .* violates foreign key"):
        run("import_tenant", forgery.write())
    assert Tenant.objects.get() == neighbour


def test_row_with_another_tenants_key(elsewhere: Path, neighbour: Tenant) -> None:
    """It is refused where all tenants' rows are in one table, and a row of its own elsewhere."""
    with tenant_context(neighbour):
        theirs = Shelf.objects.get()
    forgery = Forgery(elsewhere)
    rows = forgery.rows("sample.shelf")
    forgery.set_rows("sample.shelf", [{**rows[0], "id": str(theirs.pk)}])
    message = "duplicate key" if IDS_ARE_UNIQUE_AMONG_TENANTS else "other contents|foreign key"
    with pytest.raises(CommandError, match=message):
        run("import_tenant", forgery.write())
    with tenant_context(neighbour):
        assert Shelf.objects.get().name == theirs.name
    assert Tenant.objects.get() == neighbour


def test_tenant_of_a_row_is_not_read(elsewhere: Path, neighbour: Tenant) -> None:
    forgery = Forgery(elsewhere)
    rows = [{**row, "tenant_id": str(neighbour.pk)} for row in forgery.rows("sample.shelf")]
    forgery.set_rows("sample.shelf", rows)
    run("import_tenant", forgery.write())
    for tenant in Tenant.objects.all():
        with tenant_context(tenant):
            assert Shelf.objects.count() == 1


# Another release


def _changed(forgery: Forgery, **columns: Any) -> Path:
    tables = forgery.header["tables"]
    for name, column in columns.items():
        if column is None:
            del tables["sample.shelf"][name]
        else:
            tables["sample.shelf"][name] = column
    forgery.header["fingerprint"] = fingerprint(tables)
    return forgery.write()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"name": ["text", False]}, r"name: text NOT NULL in the archive, varchar\(200\) NOT NULL"),
        ({"name": ["varchar(200)", True]}, r"name: varchar\(200\) NULL in the archive"),
        ({"more": ["text", False]}, "more: text NOT NULL in the archive, missing here"),
        ({"created_by_id": None}, "created_by_id: missing in the archive, uuid NULL here"),
        ({"x; DROP TABLE x": ["int); --", False]}, "missing here"),
    ],
    ids=["type", "null", "removed", "added", "injection"],
)
def test_other_columns(elsewhere: Path, unchanged: None, column: Any, message: str) -> None:
    _is_refused(_changed(Forgery(elsewhere), **column), rf"sample\.shelf\.{message}|{message}")


def test_unknown_table(elsewhere: Path, unchanged: None) -> None:
    forgery = Forgery(elsewhere)
    forgery.header["tables"]["authentication.user"] = {"id": ["uuid", False]}
    forgery.manifest["tables"]["authentication.user"] = {"rows": 0, "sums": ["0", "0"], "parts": []}
    _is_refused(_changed(forgery), "authentication.user: no tenant's table here")


@pytest.mark.parametrize(
    ("name", "is_allowed"), [("created_by_id", True), ("description", True), ("name", False)]
)
def test_added_columns_are_allowed_if_empty(elsewhere: Path, name: str, is_allowed: bool) -> None:
    forgery = Forgery(elsewhere)
    rows = forgery.rows("sample.shelf")
    for row in rows:
        del row[name]
    forgery.set_rows("sample.shelf", rows)
    path = _changed(forgery, **{name: None})
    with pytest.raises(CommandError) as refusal:
        run("import_tenant", path, allow_added=True)
    # The sums are those of the archive before the change.
    reason = "other contents" if is_allowed else f"sample.shelf.{name}: missing in the archive"
    assert reason in str(refusal.value)
    assert not Tenant.objects.exists()
