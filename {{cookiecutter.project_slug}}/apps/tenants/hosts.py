"""Host names: the one form in which they are compared, and which of them a tenant may have."""

from contextlib import suppress
from ipaddress import IPv6Address

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import DomainNameValidator

LONGEST = 253
"""Characters that a host name may have."""


class _HostValidator(DomainNameValidator):
    max_length = LONGEST  # Django's would let two more pass


_validate = _HostValidator()


def normalised(host: str) -> str:
    """Return the one form of a host name or address; raise UnicodeError if it cannot be one.

    The brackets around an IPv6 address are part of how addresses with ports are written, and the
    address itself can be written in several ways.
    """
    if ":" in host:
        return _ipv6(host[1:-1] if host[0] == "[" and host[-1] == "]" else host)
    name = host.lower().removesuffix(".").encode("idna").decode()
    if len(name) > LONGEST:
        raise UnicodeError("too long for a host name")
    return name


def _ipv6(address: str) -> str:
    try:
        return str(IPv6Address(address))
    except ValueError as error:
        raise UnicodeError("not an IPv6 address") from error


def is_shared(host: str) -> bool:
    """Tell whether a host belongs to no tenant."""
    return host in settings.SHARED_HOSTS


def is_platforms(host: str) -> bool:
    """Tell whether a host is one of the platform's own names: shared, or below its base domain."""
    return is_shared(host) or f".{host}".endswith(f".{settings.TENANT_BASE_DOMAIN}")


def checked(domain: str) -> str:
    """Return a tenant's domain normalised; raise ValidationError if no tenant may have it."""
    with suppress(UnicodeError):  # else it stays as it is, and is refused below
        domain = normalised(domain)
    if is_shared(domain):
        raise ValidationError("This host is shared by all tenants.")
    _validate(domain)
    return domain
