"""Validators of fields."""

from email.errors import MessageError
from email.headerregistry import Address

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.encoding import punycode

UNMAILABLE = "No mail can be sent to this address: the part before the @ must be ASCII."


def validate_mailable(email: str) -> None:
    """Raise ValidationError for an address that Django accepts and mail servers refuse.

    Mail supports domains in any script, but local parts in ASCII only (RFC 5321). `validate_email`
    ignores case, so it accepts some non-ASCII letters, such as the Turkish dotless i.
    """
    try:
        validate_email(email)
    except ValidationError:
        return  # the field itself reports this error
    local, _, domain = email.rpartition("@")
    try:
        local.encode("ascii")
        Address(addr_spec=f"{local}@{punycode(domain)}")
    except (ValueError, IndexError, MessageError) as error:
        raise ValidationError(UNMAILABLE, code="unmailable") from error
