"""Mails wait in the queue, so that nobody's request depends on the mail server.

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
    """Enqueues mails; a worker sends them, and for about a day tries again."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Enqueue them, in the transaction that there is; return how many they are."""
        for message in email_messages:
            deliver.enqueue(encrypt(message))
        return len(email_messages)


@platform_task(attempts=30)
def deliver(mail: str) -> None:
    """Send a mail by the mail server; raise an error if it refuses."""
    mailers[OUTGOING].send_messages([StoredMessage(**json.loads(_keys().decrypt(mail)))])


def encrypt(message: EmailMessage) -> str:
    """Return a mail for `deliver`. It may hold a token, which nobody is to read in a backup."""
    stored = {
        "sender": message.from_email,
        "recipients": message.recipients(),
        "mime": message.message().as_bytes().decode("latin-1"),
    }
    return _keys().encrypt(json.dumps(stored).encode()).decode()


class StoredMessage(EmailMessage):
    """A mail as it was when it was enqueued."""

    def __init__(self, sender: str, recipients: list[str], mime: str) -> None:
        self._mime = mime.encode("latin-1")
        content = message_from_bytes(self._mime, policy=default)
        text = content.get_body(("plain", "html"))
        super().__init__(
            content["Subject"], text.get_content() if text else "", sender, bcc=recipients
        )
        self.to = [str(content["To"])] if content["To"] else []

    def recipients(self) -> list[str]:
        """Return the addresses that it is sent to; what its head says is for people."""
        return self.bcc

    def message(self, *, policy: Any = default) -> MIMEMessage:
        """Return the mail as it was written."""
        message: MIMEMessage = message_from_bytes(self._mime, policy=policy)
        return message


def _keys() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [salted_hmac(__name__, "", secret=key, algorithm="sha256").digest() for key in keys]
    return MultiFernet(Fernet(urlsafe_b64encode(digest)) for digest in digests)
