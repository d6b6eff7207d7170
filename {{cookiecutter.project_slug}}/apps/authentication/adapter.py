"""Adapters through which allauth calls this project.

https://docs.allauth.org/en/latest/account/adapter.html
"""

from types import SimpleNamespace
from urllib.parse import quote, urljoin, urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailConfirmation
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from apps.authentication.client_address import client_address


class AccountAdapter(DefaultAccountAdapter):
    """Sends mails whose links and signature come from the settings, not from the requested host."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return whether anybody may sign up."""
        return bool(settings.SIGN_UP_OPEN)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address by which attempts are counted, or a constant if there is none."""
        return client_address(request)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the page on which to set a new password."""
        return _link(f"password-reset/{quote(key)}/")

    def get_email_confirmation_url(
        self, request: HttpRequest, emailconfirmation: EmailConfirmation
    ) -> str:
        """Return the page that verifies an address."""
        return _link(f"verify-email/{quote(emailconfirmation.key, safe=':')}/")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, object]) -> None:
        """Send a mail; the site that its templates name is the platform."""
        host = urlsplit(settings.PLATFORM_ORIGIN).netloc
        site = SimpleNamespace(name=host, domain=host)
        context = {"email": email, "current_site": site, **context}
        self.render_mail(template_prefix, email, context).send()

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """Store only the password: other fields of the user may change concurrently."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def add_message(self, *args: object, **kwargs: object) -> None:
        """Add no message: messages are for pages, and the API answers in its body."""


def _link(path: str) -> str:
    return urljoin(settings.PLATFORM_ORIGIN, path)
