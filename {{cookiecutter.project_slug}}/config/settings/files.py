"""Files that tenants upload, and exports for their members (docs/privacy.md).

https://docs.djangoproject.com/en/6.1/ref/settings/#storages
"""

from typing import Any

from config.reading import read

env = read()

STORAGES: dict[str, dict[str, Any]] = {
    # The active tenant's files, under the tenant's prefix in the storage "all_tenants".
    "default": {"BACKEND": "apps.isolation.integrations.files.TenantStorage"},
    # The files of all tenants. Used by "default" only; any backend works.
    "all_tenants": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

if env.MEDIA_BUCKET:
    STORAGES["all_tenants"] = {
        "BACKEND": "apps.isolation.integrations.buckets.BucketStorage",
        "OPTIONS": {"bucket_name": env.MEDIA_BUCKET},
    }

# No web server may serve this folder. A view sends the files after it has checked permissions.
MEDIA_ROOT = env.MEDIA_ROOT
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
FILE_UPLOAD_HANDLERS = [
    "apps.api.uploads.MemoryFileUploadHandler",
    "apps.api.uploads.TemporaryFileUploadHandler",
]

ATTACHMENT_MAX_BYTES = env.ATTACHMENT_MAX_BYTES

# Largest size of an uploaded photo of a member, which is stored much smaller.
PHOTO_MAX_BYTES = 10 * 1024**2

# The largest body with files: the largest file and a megabyte for the rest of the form. The limit
# of bodies without files is Django's DATA_UPLOAD_MAX_MEMORY_SIZE.
REQUEST_MAX_BYTES = max(ATTACHMENT_MAX_BYTES, PHOTO_MAX_BYTES) + 1024**2

# Days for which an Owner can download the archive that they have ordered (docs/export.md).
TENANT_EXPORT_DAYS = env.TENANT_EXPORT_DAYS

# Largest size of a tenant's files, in bytes, for which an Owner can order an archive. 0: no limit.
TENANT_EXPORT_BYTES = env.TENANT_EXPORT_BYTES

# Days until a privacy request is due.
PRIVACY_DUE_DAYS = env.PRIVACY_DUE_DAYS

# Days for which an export can be downloaded; `privacy_requests --purge` deletes it afterwards.
PRIVACY_CONTENT_DAYS = env.PRIVACY_CONTENT_DAYS
