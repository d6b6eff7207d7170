"""Files that tenants upload, and exports for their members (docs/privacy.md).

https://docs.djangoproject.com/en/6.1/ref/settings/#storages
"""

from typing import Any

from config.reading import read

env = read()

STORAGES: dict[str, dict[str, Any]] = {
    # The active tenant's files, below a prefix of its own in the storage of the next line.
    "default": {"BACKEND": "apps.isolation.integrations.files.TenantStorage"},
    # The files of all tenants, which nothing but the line above asks for. May be of another kind.
    "all_tenants": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# No server serves this folder: a view does, which asks for permission first.
MEDIA_ROOT = env.MEDIA_ROOT
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
FILE_UPLOAD_HANDLERS = [
    "apps.api.uploads.MemoryFileUploadHandler",
    "apps.api.uploads.TemporaryFileUploadHandler",
]

ATTACHMENT_MAX_BYTES = env.ATTACHMENT_MAX_BYTES

# The largest body with files: one of that size, and what else is in its form. Bodies without files
# have Django's own limit, DATA_UPLOAD_MAX_MEMORY_SIZE.
REQUEST_MAX_BYTES = ATTACHMENT_MAX_BYTES + 1024**2

# Days until a request is to be done.
PRIVACY_DUE_DAYS = env.PRIVACY_DUE_DAYS

# Days for which an export can be fetched; `privacy_requests --purge` deletes it afterwards.
PRIVACY_CONTENT_DAYS = env.PRIVACY_CONTENT_DAYS
