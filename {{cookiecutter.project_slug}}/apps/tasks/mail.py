"""Queued mails, so that requests do not depend on the mail server.

https://docs.djangoproject.com/en/6.1/topics/email/#defining-a-custom-email-backend
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from email import message_from_bytes
from email.message import EmailMessage as MIMEMessage
from email.policy import default
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.mail import EmailMessage, mailers
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.crypto import salted_hmac

from apps.isolation.integrations.tasks import platform_task

OUTGOING = "outgoing"
"""The mailer in ``MAILERS`` that workers use."""


class QueuedMailBackend(BaseEmailBackend):
    """Enqueues mails. A worker sends them, and retries for about a day."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Enqueue mails in the current transaction; return their number."""
        for message in email_messages:
            deliver.enqueue(encrypt(message))
        return len(email_messages)


@platform_task(attempts=30)
def deliver(mail: str) -> None:
    """Send a mail by the mail server; raise the server's error."""
    mailers[OUTGOING].send_messages([StoredMessage(**json.loads(_keys().decrypt(mail)))])


def encrypt(message: EmailMessage) -> str:
    """Return an encrypted mail for `deliver`, since its token must not be readable in a backup."""
    stored = {
        "sender": message.from_email,
        "recipients": message.recipients(),
        "mime": message.message().as_bytes().decode("latin-1"),
    }
    return _keys().encrypt(json.dumps(stored).encode()).decode()


class StoredMessage(EmailMessage):
    """A queued mail."""

    def __init__(self, sender: str, recipients: list[str], mime: str) -> None:
        self._mime = mime.encode("latin-1")
        content = message_from_bytes(self._mime, policy=default)
        text = content.get_body(("plain", "html"))
        super().__init__(
            content["Subject"], text.get_content() if text else "", sender, bcc=recipients
        )
        self.to = [str(content["To"])] if content["To"] else []

    def recipients(self) -> list[str]:
        """Return the addresses of the envelope; those in the headers are for people."""
        return self.bcc

    def message(self, *, policy: Any = default) -> MIMEMessage:
        """Return the original mail."""
        message: MIMEMessage = message_from_bytes(self._mime, policy=policy)
        return message


def _keys() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [salted_hmac(__name__, "", secret=key, algorithm="sha256").digest() for key in keys]
    return MultiFernet(Fernet(urlsafe_b64encode(digest)) for digest in digests)
