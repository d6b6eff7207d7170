"""Tenants to export, archives to change, and the commands."""

import gzip
import json
from collections.abc import Callable, Iterator
from io import BytesIO, StringIO
from pathlib import Path
from tarfile import REGTYPE, USTAR_FORMAT, TarFile, TarInfo
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connections

from apps.isolation import tenant_context
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.strategy.provisioning import wipe
from apps.isolation.testing import make_member
from apps.memberships.models import Invitation, Membership
from apps.portability.documents import hash_of
from apps.tenants.models import Tenant
from apps.tenants.services import abandon, create_tenant
from tests.sample.models import Book, Label, Labelling, Note, Scan, Shelf

SCAN = b"a scan of a page " * 1000


def run(command: str, *arguments: object, **options: Any) -> Any:
    """Run a command, and return its report."""
    output = StringIO()
    call_command(command, *map(str, arguments), json=True, stdout=output, **options)
    return json.loads(output.getvalue())


def fill(tenant: Any, books: int = 3) -> None:
    """Give a tenant rows of every kind, a file, members and an invitation."""
    owner = make_member(tenant, "owner")
    make_member(tenant, "viewer")
    with tenant_context(tenant):
        shelf = Shelf.objects.create(name='Ünï \\ "x"\n\t,\'', created_by=owner.user)
        label = Label.objects.create(word="red")
        first = Book.objects.create(shelf=shelf, title="first", reader=owner.user)
        Book.objects.bulk_create(
            Book(shelf=shelf, title=f"book {number}", original=first) for number in range(books)
        )
        Labelling.objects.create(book=first, label=label)
        scan = Scan(book=first, name="page")
        scan.file.save("", ContentFile(SCAN), save=False)
        scan.save()
        Note.objects.create(
            author=owner.user,
            content_type=ContentType.objects.get_for_model(Book),
            object_id=first.pk,
            details={"numbers": [1.10, 1e300, None], "text": "é\\u0001"},
        )
    Invitation.platform.create(
        tenant=tenant,
        email="new@example.test",
        token_hash=f"secret-hash-of-{tenant.slug}",
        invited_by=owner.user,
        expires_at=owner.joined_at,
    )


@pytest.fixture
def source(provisioning: None) -> Tenant:
    """Return a tenant with rows, files and members."""
    tenant = create_tenant(slug="acme", name="Acme")
    fill(tenant)
    return tenant


@pytest.fixture
def neighbour(provisioning: None) -> Tenant:
    """Return another tenant with the same rows."""
    tenant = create_tenant(slug="globex", name="Globex")
    fill(tenant)
    return tenant


@pytest.fixture
def archive(source: Tenant, tmp_path: Path) -> Path:
    """Return the archive of the tenant, which is still here."""
    path = tmp_path / "acme.tar"
    run("export_tenant", "acme", path, with_audit=True)
    return path


def forget(tenant: Tenant) -> None:
    """Remove a tenant with all rows and memberships, as if it had never been here."""
    Invitation.objects.for_tenant(tenant).delete()
    Membership.objects.for_tenant(tenant).delete()
    Tenant.objects.filter(pk=tenant.pk).update(status="preparing")
    assert abandon(Tenant.objects.get(pk=tenant.pk))


@pytest.fixture
def gone(archive: Path, source: Tenant) -> Path:
    """Return the archive of a tenant that is not here any more."""
    forget(source)
    return archive


_made: list[bytes] = []


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, provisioning: None, tmp_path: Path) -> Path:
    """Return the archive of a tenant of another installation, which is made once only."""
    if not _made:
        archive = request.getfixturevalue("gone").read_bytes()
        wipe()
        _made.append(archive)
    path = tmp_path / "elsewhere.tar"
    path.write_bytes(_made[0])
    return path


def members_of(path: Path) -> dict[str, bytes]:
    """Return the contents of an archive by name."""
    with TarFile.open(path) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]


def write(path: Path, members: dict[str, bytes], types: dict[str, bytes] | None = None) -> Path:
    """Write an archive with these members."""
    with path.open("wb") as file:
        for name, content in members.items():
            info = TarInfo(name)
            info.size, info.type = len(content), (types or {}).get(name, REGTYPE)
            file.write(info.tobuf(USTAR_FORMAT) + content + b"\0" * (-len(content) % 512))
        file.write(b"\0" * 1024)
    return path


class Forgery:
    """An archive whose hashes are right, whatever was changed in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.members = members_of(path)
        self.header, self.shared, self.manifest = (
            json.loads(self.members.pop(f"{name}.json"))
            for name in ("header", "shared", "manifest")
        )
        self.types: dict[str, bytes] = {}

    def rows(self, label: str) -> list[dict[str, Any]]:
        """Return the rows of a table with one part."""
        text = gzip.decompress(self.members[f"rows/{label}/000000.gz"])
        return [json.loads(line) for line in text.splitlines()]

    def set_rows(self, label: str, rows: list[dict[str, Any]]) -> None:
        """Replace the rows of a table with one part."""
        text = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        self.set_part(label, gzip.compress(text), len(rows))

    def set_part(self, label: str, packed: bytes, rows: int) -> None:
        """Replace the part of a table."""
        self.members[f"rows/{label}/000000.gz"] = packed
        table = self.manifest["tables"][label]
        table["parts"][0] |= {"rows": rows, "sha256": hash_of(packed)}
        table["rows"] = rows

    def write(self) -> Path:
        """Write the archive with hashes of the changed contents."""
        documents = {
            f"{name}.json": json.dumps(each).encode()
            for name, each in (("header", self.header), ("shared", self.shared))
        }
        for name in ("header", "shared"):
            self.manifest[name] = hash_of(documents[f"{name}.json"])
        end = {"manifest.json": json.dumps(self.manifest).encode()}
        return write(self.path, {**documents, **self.members, **end}, self.types)


def contents(alias: str, exclude: Callable[[str], bool] = lambda _: False) -> dict[str, list[str]]:
    """Return all rows of the shared tables as texts, by table."""
    with connections[alias].cursor() as cursor:
        names = connections[alias].introspection.table_names(cursor)
        found = {}
        for name in filter(lambda each: not exclude(each), names):
            cursor.execute(f"SELECT t::text FROM {name} AS t ORDER BY 1")
            found[name] = [text for (text,) in cursor.fetchall()]
    return found


@pytest.fixture
def unchanged() -> Iterator[None]:
    """Require that a test leaves the shared data as it was, except for logs."""
    logs = ("audit_", "procrastinate_", "django_migrations")
    before = contents(SHARED_DB, lambda name: name.startswith(logs))
    yield
    assert contents(SHARED_DB, lambda name: name.startswith(logs)) == before


def pipe(content: bytes) -> Any:
    """Return standard input with a content."""
    return type("Input", (), {"buffer": BytesIO(content)})
