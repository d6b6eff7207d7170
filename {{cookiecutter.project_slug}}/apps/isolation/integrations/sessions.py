"""Sessions: each belongs to the tenant that it was begun in, or to none (``SESSION_ENGINE``)."""

from contextlib import suppress
from uuid import UUID

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.core import signing

from apps.isolation.context import current_tenant


class SessionStore(db.SessionStore):
    """Django's sessions in the database, signed for one tenant.

    On the host of another tenant, and on the shared host, the key of a session is no key of
    anything, and the other way round.
    """

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


def end_sessions(user_id: UUID) -> None:
    """End the sessions of a user in the active tenant, and in no other.

    Whose a session is stands in what is signed, so all of them are looked into.
    """
    store = SessionStore()
    for session in store.model.objects.iterator():
        with suppress(signing.BadSignature):
            data = signing.loads(
                session.session_data, salt=store.key_salt, serializer=store.serializer
            )
            if data.get(SESSION_KEY) == str(user_id):
                session.delete()
