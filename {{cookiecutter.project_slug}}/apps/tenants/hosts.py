"""Host names: the one form in which they are compared, and which of them a tenant may have."""

from contextlib import suppress

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import DomainNameValidator

LONGEST = 253
"""Characters that a host name may have."""


class _HostValidator(DomainNameValidator):
    max_length = LONGEST  # Django's would let two more pass


_validate = _HostValidator()


def normalised(host: str) -> str:
    """Return the one form of a host name; raise UnicodeError if it cannot be one."""
    name = host.lower().removesuffix(".").encode("idna").decode()
    if len(name) > LONGEST:
        raise UnicodeError("too long for a host name")
    return name


def is_shared(host: str) -> bool:
    """Tell whether a host belongs to no tenant."""
    return host in settings.SHARED_HOSTS


def checked(domain: str) -> str:
    """Return a tenant's domain normalised; raise ValidationError if no tenant may have it."""
    with suppress(UnicodeError):  # else it stays as it is, and is refused below
        domain = normalised(domain)
    if is_shared(domain):
        raise ValidationError("This host is shared by all tenants.")
    _validate(domain)
    return domain
