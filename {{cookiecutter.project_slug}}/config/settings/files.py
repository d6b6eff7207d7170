"""Files that tenants upload, and exports for their members (docs/privacy.md).

https://docs.djangoproject.com/en/6.1/ref/settings/#storages
"""

from pathlib import Path
from typing import Any

from config.env import BASE_DIR, env

STORAGES: dict[str, dict[str, Any]] = {
    # The active tenant's files, below a prefix of its own in the storage of the next line.
    "default": {"BACKEND": "apps.isolation.integrations.files.TenantStorage"},
    # The files of all tenants, which nothing but the line above asks for. May be of another kind.
    "all_tenants": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# No server serves this folder: a view does, which asks for permission first.
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(BASE_DIR / "media")))
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

ATTACHMENT_MAX_BYTES = env.int("ATTACHMENT_MAX_BYTES", default=25 * 1024**2)

# Days until a request is to be done.
PRIVACY_DUE_DAYS = env.int("PRIVACY_DUE_DAYS", default=30)

# Days for which an export can be fetched; `privacy_requests --purge` deletes it afterwards.
PRIVACY_CONTENT_DAYS = env.int("PRIVACY_CONTENT_DAYS", default=7)
