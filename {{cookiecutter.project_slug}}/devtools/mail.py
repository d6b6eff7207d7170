"""Mails in development."""

from django.core.mail import EmailMessage
from django.core.mail.backends import console


class ConsoleBackend(console.EmailBackend):
    """Shows mails as they are read. As they are sent, a long link may be broken in two."""

    def write_message(self, message: EmailMessage) -> None:
        """Write it where the server was started."""
        text = f"To: {', '.join(message.to)}\nSubject: {message.subject}\n\n{message.body}\n"
        self.stream.write(f"{text}{'-' * 79}\n")
