"""Host names: their normalised form, and the rules for tenants' domains."""

from contextlib import suppress
from ipaddress import IPv6Address

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import DomainNameValidator

LONGEST = 253
"""Maximum length of a host name."""


class _HostValidator(DomainNameValidator):
    max_length = LONGEST  # Django's pattern would accept two more


_validate = _HostValidator()


def normalised(host: str) -> str:
    """Return a host name or address in normalised form; raise UnicodeError if it is invalid.

    An IPv6 address loses its brackets, which only separate it from a port, and gets its shortest
    form.
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
    """Return whether a host is shared."""
    return host in settings.SHARED_HOSTS


def is_platforms(host: str) -> bool:
    """Return whether a host is the platform's own: shared, or below its base domain."""
    return is_shared(host) or f".{host}".endswith(f".{settings.TENANT_BASE_DOMAIN}")


def checked(domain: str) -> str:
    """Return a tenant's domain in normalised form; raise ValidationError if it is not allowed."""
    with suppress(UnicodeError):  # otherwise it stays unchanged, and is refused below
        domain = normalised(domain)
    if is_shared(domain):
        raise ValidationError("This host is shared by all tenants.")
    _validate(domain)
    return domain
