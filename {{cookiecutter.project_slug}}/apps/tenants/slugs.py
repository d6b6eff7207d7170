"""Slugs: the short names of tenants in host names."""

import re

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Func, TextField

from apps.tenants.hosts import is_shared

# RFC 1035, section 2.3.1: labels of host names.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

RESERVED = frozenset(
    """
    about abuse account accounts admin administrator api app apps assets auth autoconfig
    autodiscover billing blog cdn contact dashboard default demo dev dns docs email ftp help host
    hostmaster imap info internal invite invitations localhost login logout mail media metrics mx
    news noc ns ns1 ns2 owner payment payments platform pop postmaster privacy public register
    root security settings shared signin signup smtp ssl staging static status support switch
    sysadmin system tenant tenants terms test tests webmaster webmail wpad www
    """.split()  # noqa: SIM905 - a list literal would be three pages long
)


def skeleton(slug: str) -> str:
    """Return the same text for all slugs that look the same in an address bar."""
    slug = slug.translate(str.maketrans("01", "ol"))
    return slug.replace("rn", "m").replace("vv", "w")


class Skeleton(Func):
    """The `skeleton` of a column, in the database."""

    template = "replace(replace(translate(%(expressions)s, '01', 'ol'), 'rn', 'm'), 'vv', 'w')"
    output_field = TextField()


_RESERVED_SKELETONS = frozenset(map(skeleton, RESERVED))


def is_label(text: str) -> bool:
    """Return whether a text has the form of a slug, reserved or not."""
    return _LABEL.fullmatch(text) is not None


def validate_slug(slug: str) -> None:
    """Raise ValidationError unless ``slug`` is a DNS label that a tenant may have."""
    if not is_label(slug):
        message = (
            "Use 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end."
        )
        raise ValidationError(message, code="invalid")
    if slug.startswith("xn--") or slug[2:4] == "--":
        message = "Names with two hyphens in third place are reserved for internationalised names."
        raise ValidationError(message, code="invalid")
    # Names that resemble reserved ones, such as adm1n and log-in, could deceive people.
    for reading in (slug, slug.replace("1", "i")):
        if skeleton(reading.replace("-", "")) in _RESERVED_SKELETONS:
            raise ValidationError("This name is reserved.", code="reserved")
    # Even with another domain, the slug stands for the domain below this one.
    if is_shared(default_domain(slug)):
        raise ValidationError("This name is reserved.", code="reserved")


def default_domain(slug: str) -> str:
    """Return the default domain of a tenant with this slug."""
    return f"{slug}.{settings.TENANT_BASE_DOMAIN}"
