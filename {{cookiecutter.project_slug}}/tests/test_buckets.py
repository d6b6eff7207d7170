"""Files in a bucket of an S3-compatible service (MEDIA_BUCKET)."""

from io import BytesIO
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages

from apps.isolation import tenant_context
from apps.isolation.integrations.files import ALL_TENANTS, delete_all_files, delete_files
from apps.portability.exporting import ExportOptions, export_tenant
from apps.portability.reading import Archive
from apps.portability.verifying import differences
from tests.buckets import keys_in
from tests.sample.models import Book, Scan, Shelf

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "name", ["notes/a.txt", "notes/old/ä ö%20+&?#'.txt", "\N{HIRAGANA LETTER A}", "a" * 200]
)
def test_file_has_its_tenants_prefix(name: str, acme: Any, globex: Any, bucket: Any) -> None:
    with tenant_context(acme):
        assert default_storage.save(name, ContentFile(b"first")) == name
        assert default_storage.save(name, ContentFile(b"second")) != name
        with default_storage.open(name) as file:
            assert file.read() == b"first"
        assert default_storage.size(name) == 5
        assert default_storage.get_modified_time(name)
    with tenant_context(globex):
        assert not default_storage.exists(name)
        assert default_storage.listdir("") == ([], [])
        with pytest.raises(FileNotFoundError):
            default_storage.open(name)
        with pytest.raises(FileNotFoundError):
            default_storage.size(name)
        default_storage.delete(name)
    keys = keys_in(bucket)
    assert f"{acme.id}/{name}" in keys
    assert {key.partition("/")[0] for key in keys} == {str(acme.id)}


def test_missing_bucket_is_not_taken_for_an_empty_one(acme: Any, bucket: Any) -> None:
    bucket.delete()
    with pytest.raises(OSError, match="bucket does not exist"):
        delete_files(acme)
    with pytest.raises(OSError, match="bucket does not exist"):
        delete_all_files()


def test_files_of_one_tenant_or_of_all_are_deleted(acme: Any, globex: Any, bucket: Any) -> None:
    storages[ALL_TENANTS].save("platform/logo.png", ContentFile(b"x"))
    for tenant in (acme, globex):
        with tenant_context(tenant):
            for name in ("a.txt", "notes/b.txt", "notes/old/c.txt"):
                default_storage.save(name, ContentFile(b"x"))
    delete_files(acme)
    assert {key.partition("/")[0] for key in keys_in(bucket)} == {str(globex.id), "platform"}
    delete_files(acme)
    delete_all_files()
    assert keys_in(bucket) == {"platform/logo.png"}


def test_archive_has_the_files(acme: Any, bucket: Any) -> None:
    with tenant_context(acme):
        book = Book.objects.create(shelf=Shelf.objects.create(name="p"), title="t")
        stored = Scan.objects.create(book=book, file=ContentFile(b"x", name="a"), name="a")
    stream = BytesIO()
    export_tenant(acme, stream, ExportOptions())
    archive = Archive(stream)
    assert list(archive.manifest.files) == [str(stored.file)]
    assert differences(acme, archive, {}) == []
    with tenant_context(acme):
        default_storage.delete(str(stored.file))
    assert differences(acme, archive, {}) == [
        f"The file {str(stored.file)!r} is missing, or has other contents."
    ]
