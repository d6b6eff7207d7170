"""A bucket of an S3-compatible service, for the files of all tenants.

https://django-storages.readthedocs.io/en/stable/backends/amazon-S3.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

IN_MEMORY = 1024**2
"""Bytes of a file that is read, beyond which its copy is on disk."""

CONFIG = Config(
    connect_timeout=3, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3}
)


class BucketStorage(S3Storage):
    """S3Storage that raises OSError, as Django's FileSystemStorage does, and replaces no file."""

    def get_default_settings(self) -> dict[str, Any]:
        """Return the options that the settings do not set."""
        own = {"file_overwrite": False, "max_memory_size": IN_MEMORY, "client_config": CONFIG}
        return {**self._untyped.get_default_settings(), **own}

    @property
    def _untyped(self) -> Any:
        """The methods of the library, which has no type hints."""
        return super()

    def _open(self, name: str, mode: str = "rb") -> Any:
        with _os_errors(name):
            file = self._untyped._open(name, mode)  # noqa: SLF001 - that of its base class
            # Copied now rather than when it is read, so that no later error is the service's.
            return file.open()

    def _save(self, name: str, content: Any) -> str:
        with _os_errors(name):
            return str(self._untyped._save(name, content))  # noqa: SLF001 - as above

    def delete(self, name: str) -> None:
        """Delete a file, if it exists."""
        with _os_errors(name):
            self._untyped.delete(name)

    def exists(self, name: str) -> bool:
        """Return whether the file exists."""
        with _os_errors(name):
            return bool(self._untyped.exists(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the names of the folders and of the files in a folder."""
        with _os_errors(path):
            folders, files = self._untyped.listdir(path)
            return folders, files

    def size(self, name: str) -> int:
        """Return the size in bytes."""
        with _os_errors(name):
            return int(self._untyped.size(name))

    def get_modified_time(self, name: str) -> datetime:
        """Return when the file was written."""
        with _os_errors(name):
            found: datetime = self._untyped.get_modified_time(name)
            return found


@contextmanager
def _os_errors(name: str) -> Iterator[None]:
    """Turn the SDK's errors into OSError, and those about a missing file into its subclass."""
    try:
        yield
    except ClientError as error:
        # A missing bucket is not a missing file: nothing is known about its files.
        is_missing = error.response["Error"]["Code"] in {"404", "NoSuchKey"}
        raise (FileNotFoundError if is_missing else OSError)(f"{name}: {error}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise OSError(f"{name}: {error}") from error
