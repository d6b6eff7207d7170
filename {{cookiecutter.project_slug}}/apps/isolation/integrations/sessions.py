"""Tenant-scoped sessions: each belongs to one tenant or to none (``SESSION_ENGINE``)."""

from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession

from apps.isolation.context import current_tenant, require_tenant


class SessionStore(db.SessionStore):
    """Django's database sessions, signed for one tenant.

    On the host of another tenant or on a shared host, the key of a tenant's session is invalid. So
    is the key of a shared host's session on a tenant's host.
    """

    @classmethod
    def get_model_class(cls) -> Any:
        """Return the model whose rows have the ids of user and tenant."""
        return apps.get_model("authentication.Session")

    def create_model_instance(self, data: dict[str, object]) -> AbstractBaseSession:
        """Return the row, with the ids by which `end_sessions` finds it."""
        return self._owned(super().create_model_instance(data), data)

    async def acreate_model_instance(self, data: dict[str, object]) -> AbstractBaseSession:
        """Return the row, with the ids by which `end_sessions` finds it."""
        return self._owned(await super().acreate_model_instance(data), data)

    @property
    def key_salt(self) -> str:
        """Return a salt that makes signatures valid in one tenant only."""
        tenant = current_tenant()
        return f"apps.isolation.sessions:{tenant.id if tenant else 'shared'}"

    def decode(self, session_data: bytes | str) -> dict[str, object]:
        """Return the session's data; forget the key of a session that another tenant signed."""
        data: dict[str, object] = super().decode(session_data)
        if not data:
            # Otherwise the next write would change the row of the other session.
            self._session_key = None
        return data

    def _owned(self, row: AbstractBaseSession, data: dict[str, object]) -> AbstractBaseSession:
        tenant = current_tenant()
        vars(row).update(user_id=data.get(SESSION_KEY) or None, tenant_id=tenant and tenant.id)
        return row


def end_sessions(user_id: UUID) -> None:
    """End the sessions of a user in the active tenant only."""
    sessions = SessionStore.get_model_class().objects
    sessions.filter(user_id=user_id, tenant_id=require_tenant().id).delete()
