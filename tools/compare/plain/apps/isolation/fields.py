"""Django's own, by the names that the product imports."""

import sys
from typing import Any

from django.conf import settings
from django.db import models

if sys.version_info >= (3, 14):
    from uuid import uuid7 as new_id
else:
    from uuid_utils.compat import uuid7 as new_id

__all__ = ["UserForeignKey", "new_id"]


class UserForeignKey(models.ForeignKey[Any, Any]):
    """A foreign key to a user."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {"to": settings.AUTH_USER_MODEL, "on_delete": models.PROTECT}
        super().__init__(**{"related_name": "+", **kwargs})
