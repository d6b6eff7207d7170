"""Sessions: each belongs to the tenant that it was begun in, or to none (``SESSION_ENGINE``)."""

from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db

from apps.isolation.context import current_tenant, require_tenant


class SessionStore(db.SessionStore):
    """Django's sessions in the database, signed for one tenant.

    On the host of another tenant, and on the shared host, the key of a session is no key of
    anything, and the other way round.
    """

    @classmethod
    def get_model_class(cls) -> Any:
        """Return the model whose rows say whose they are."""
        return apps.get_model("authentication.Session")

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """Return the row, with the ids by which `end_sessions` finds it."""
        return self._owned(super().create_model_instance(data), data)

    async def acreate_model_instance(self, data: dict[str, Any]) -> Any:
        """Return the row, with the ids by which `end_sessions` finds it."""
        return self._owned(await super().acreate_model_instance(data), data)

    @property
    def key_salt(self) -> str:
        """Return what sets the signatures of one tenant's sessions apart from all others."""
        tenant = current_tenant()
        return f"apps.isolation.sessions:{tenant.id if tenant else 'shared'}"

    def decode(self, session_data: bytes | str) -> dict[str, object]:
        """Return what the session holds; forget the key of one that was not signed for here."""
        data: dict[str, object] = super().decode(session_data)
        if not data:
            # Else the next write would go into the row of the other's session.
            self._session_key = None
        return data

    def _owned(self, row: Any, data: dict[str, Any]) -> Any:
        tenant = current_tenant()
        row.user_id, row.tenant_id = data.get(SESSION_KEY) or None, tenant and tenant.id
        return row


def end_sessions(user_id: UUID) -> None:
    """End the sessions of a user in the active tenant, and in no other."""
    sessions = SessionStore.get_model_class().objects
    sessions.filter(user_id=user_id, tenant_id=require_tenant().id).delete()
