"""A user in two tenants, where every possible field refers to her."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, connections

from apps.isolation import tenant_context
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.integrations.sessions import SessionStore
from apps.isolation.testing import api_client, make_member
from apps.memberships.models import Invitation
from apps.privacy import data_subject
from apps.privacy.models import PrivacyRequest, RequestKind
from apps.tasks.testing import run_enqueued_tasks
from tests.isolation.declarations import shared_models, tenant_models
from tests.isolation.samples import Samples
from tests.sample.models import Book

EMAIL, NAME = "canary.mia@example.test", "Canary Mia"


@dataclass
class Side:
    """A tenant, the clients of its owner and of the user, and rows that refer to the user."""

    tenant: Any
    owner: Any
    member: Any
    client: Any
    book: Any

    def dump(self) -> list[str]:
        """Return all data of the tenant as text: rows, shared rows and files."""
        wanted = {model: _of(self, model) for model in shared_models()}
        with tenant_context(self.tenant):
            rows = [
                f"{model._meta.label}: {row}"
                for model in tenant_models()
                for row in texts(DEFAULT_DB_ALIAS, model, _of(self, model))
            ]
        rows += [
            f"{model._meta.label}: {row}"
            for model, condition in wanted.items()
            for row in texts(SHARED_DB, model, condition)
        ]
        folder = Path(settings.MEDIA_ROOT, str(self.tenant.pk))
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return rows + [f"{path}: {path.read_bytes()!r}" for path in files]

    def refer_to_her(self) -> int:
        """Return the number of the tenant's rows that refer to the user."""
        with tenant_context(self.tenant):
            return sum(data_subject.tally(self.member.user_id).values())

    def ask(self, kind: str, **body: Any) -> Any:
        """Send a request about the user as the tenant's owner, and have it carried out."""
        body = {"kind": kind, "user": str(self.member.user_id), **body}
        response = self.owner.post("/api/v1/privacy-requests/", body)
        run_enqueued_tasks()
        return response

    def outcome(self, kind: str, **body: Any) -> str:
        """Send a request as `ask` does; return the status of the request."""
        response = self.ask(kind, **body)
        return PrivacyRequest.platform.get(pk=response.json()["id"]).status

    def request(self, kind: str = RequestKind.ERASE) -> PrivacyRequest:
        """Return the stored request of a kind."""
        found: PrivacyRequest = PrivacyRequest.objects.for_tenant(self.tenant).get(kind=kind)
        return found

    def is_clean(self) -> bool:
        """Return whether only the proof of erasure refers to the user, without personal data."""
        rows = [row for row in self.dump() if not row.startswith(("audit.", "privacy."))]
        text = "\n".join(rows).lower()
        mentions = [
            each for each in (EMAIL, NAME, str(self.member.user_id)) if each.lower() in text
        ]
        exports = list(Path(settings.MEDIA_ROOT, str(self.tenant.pk)).rglob("*.zip"))
        return not (self.refer_to_her() or mentions or exports or self.sessions())

    def owner_id(self) -> Any:
        """Return the id of the owner's user."""
        return self.tenant.memberships.get(role="owner").user_id

    def sessions(self) -> list[str]:
        """Return the keys of the user's sessions in the tenant."""
        with tenant_context(self.tenant):
            rows = SessionStore().model.objects.values_list("session_key", "session_data")
            held = {key: SessionStore().decode(data) for key, data in rows}
        user_id = str(self.member.user_id)
        return [key for key, data in held.items() if data.get("_auth_user_id") == user_id]


def _of(side: Side, model: Any) -> str:
    return f"tenant_id = '{side.tenant.pk}'" if hasattr(model, "tenant_id") else "true"


def texts(alias: str, model: Any, condition: str = "true") -> list[str]:
    """Return the rows of a model, each as one text."""
    table = connections[alias].ops.quote_name(model._meta.db_table)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT t::text FROM {table} t WHERE {condition} ORDER BY 1")
        return [text for (text,) in cursor.fetchall()]


@pytest.fixture
def sides(acme: Any, globex: Any) -> tuple[Side, Side]:
    """Return our tenant, which erases the user, and their tenant, which must not change."""
    user = get_user_model()._default_manager.create_user(
        EMAIL, "correct horse battery staple", full_name=NAME
    )
    return _side(acme, user), _side(globex, user)


def _side(tenant: Any, user: Any) -> Side:
    owner = make_member(tenant, "owner")
    member = make_member(tenant, "member", user.email)
    samples = Samples(tenant, tenant.slug.upper())
    with tenant_context(tenant):
        for field in data_subject._every_field():
            row = samples.build(field.model)
            setattr(row, field.attname, user.pk)
            row.save()
        session = SessionStore()
        session["_auth_user_id"] = str(user.pk)
        session.save()
    for email, invited_by in ((user.email, owner.user), (f"new@{tenant.slug}.test", user)):
        invitation = samples.build(Invitation)
        invitation.email, invitation.invited_by = email, invited_by
        invitation.save()
    make_member(tenant, "viewer")
    tenant.memberships.filter(role="viewer").update(invited_by=user)
    clients = (api_client(tenant, each.user.email) for each in (owner, member))
    with tenant_context(tenant):
        book = Book.objects.filter(created_by=user.pk).get()
    return Side(tenant, next(clients), member, next(clients), book)
