"""Mails in development."""

from django.core.mail import EmailMessage
from django.core.mail.backends import console


class ConsoleBackend(console.EmailBackend):
    """Prints the decoded text of mails, since the encoded text may break long links."""

    def write_message(self, message: EmailMessage) -> None:
        """Write the mail to the console."""
        text = f"To: {', '.join(message.to)}\nSubject: {message.subject}\n\n{message.body}\n"
        self.stream.write(f"{text}{'-' * 79}\n")
