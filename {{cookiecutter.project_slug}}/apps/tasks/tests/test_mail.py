"""Mails are queued, so the sending code does not wait for a mail server."""

from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections, transaction
from rest_framework.test import APIClient

from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing import make_member
from apps.memberships.invitations import invite
from apps.memberships.roles import Role
from apps.tasks.models import State, TaskRun
from apps.tasks.testing import run_enqueued_tasks

QUEUED = {"BACKEND": "apps.tasks.mail.QueuedMailBackend"}
LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}


class RefusingBackend(BaseEmailBackend):
    """A mail server that refuses all recipients."""

    def send_messages(self, email_messages: Any) -> int:
        """Raise the error of refused recipients."""
        raise SMTPRecipientsRefused({"owner@acme.test": (550, b"owner@acme.test: no such user")})


@pytest.fixture
def queued(settings: Any, db: None) -> Any:
    """Queue mails as in production; yield the settings."""
    settings.MAILERS = {"default": QUEUED, "outgoing": LOCMEM}
    return settings


def test_mail_arrives_unchanged(queued: Any) -> None:
    message = EmailMultiAlternatives(
        "Grüße", "Zeile\n.\n", "a@example.com", ["b@example.com"], cc=["c@x.test"], bcc=["d@x.test"]
    )
    message.attach_alternative("<p>Grüße</p>", "text/html")
    message.attach("zahlen.bin", b"\x00\xff", "application/octet-stream")
    message.send()
    assert mail.outbox == []
    run_enqueued_tasks()
    (sent,) = mail.outbox
    assert sent.recipients() == ["b@example.com", "c@x.test", "d@x.test"]
    assert sent.from_email == "a@example.com"
    arrived = sent.message()
    assert (arrived["Subject"], arrived["Bcc"]) == ("Grüße", None)
    assert arrived.as_string().split("\n\n", 1)[0].count("b@example.com") == 1
    contents = [part.get_content() for part in arrived.walk() if not part.is_multipart()]
    assert contents[2] == b"\x00\xff"
    assert [text.strip() for text in contents[:2]] == ["Zeile\n.", "<p>Grüße</p>"]


def test_queued_mails_are_encrypted(queued: Any) -> None:
    mail.EmailMessage("Secret", "token", "a@example.com", ["b@example.com"]).send()
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute("SELECT args::text FROM procrastinate_jobs")
        (text,) = cursor.fetchone() or ("",)
    assert "deliver" in text
    for word in ("Secret", "token", "example.com"):
        assert word not in text


@pytest.mark.parametrize("email", ["owner@acme.test", "nobody@acme.test"])
def test_response_does_not_depend_on_the_mail_server(
    email: str, queued: Any, acme: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An error for a refused recipient would reveal that the account exists."""
    make_member(acme, "owner", "owner@acme.test")
    queued.MAILERS = {"default": QUEUED, "outgoing": {"BACKEND": f"{__name__}.RefusingBackend"}}
    client = APIClient(headers={"Host": "acme.localhost"})
    response = client.post("/api/v1/auth/password/reset/", {"email": email})
    assert response.status_code in {200, 202, 204}, response.content
    (run,) = run_enqueued_tasks()
    assert (run.state, run.error) == (State.WAITING, "smtplib.SMTPRecipientsRefused")
    assert email not in caplog.text
    queued.MAILERS = {"default": QUEUED, "outgoing": LOCMEM}
    with connections[SHARED_DB].cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL")
    run_enqueued_tasks()
    assert [sent.recipients() for sent in mail.outbox] == [[email]]
    assert TaskRun.platform.get().state == State.DONE


@pytest.mark.parametrize("is_committed", [True, False])
def test_invitation_and_its_mail_are_stored_together(
    queued: Any, is_committed: bool, acme: Any
) -> None:
    owner = make_member(acme, "owner")
    with transaction.atomic(using=SHARED_DB):
        invite(owner, "new@example.test", Role.MEMBER)
        transaction.set_rollback(not is_committed, using=SHARED_DB)
    assert acme.invitations.exists() == TaskRun.platform.exists() == is_committed
