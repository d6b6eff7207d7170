"""Valid, reserved and lookalike slugs."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from apps.tenants.models import Tenant
from apps.tenants.resolver import tenant_of_slug
from apps.tenants.slugs import RESERVED, Skeleton, skeleton, validate_slug
from tests.support import statements


@pytest.mark.parametrize("slug", ["acme", "a", "7", "a-b", "a1-2-3b", "a-b--c", "x" * 63])
def test_valid_slugs(slug: str) -> None:
    validate_slug(slug)


@pytest.mark.parametrize("host", ["console.localhost", "box.localhost", "a-b.localhost"])
def test_slugs_of_shared_hosts_are_refused(settings: Any, host: str) -> None:
    slug = host.removesuffix(".localhost")
    validate_slug(slug)
    settings.SHARED_HOSTS = ["localhost", host]
    with pytest.raises(ValidationError, match="reserved"):
        validate_slug(slug)


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "-",
        "-acme",
        "acme-",
        "Acme",
        "ac me",
        "ac_me",
        "ac.me",
        "acme\n",
        "acmé",
        "аcme",  # noqa: RUF001 - its first letter is Cyrillic
        "x" * 64,
        "xn--bcher-kva",
        "ab--cd",
        "'; drop table",
    ],
)
def test_malformed_slugs(slug: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_slug(slug)
    assert refusal.value.code == "invalid"


@pytest.mark.parametrize("slug", ["www", "admin", "api", "localhost", "static"])
def test_reserved_slugs(slug: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_slug(slug)
    assert refusal.value.code == "reserved"


def test_reserved_slugs_are_valid_slugs() -> None:
    """A misspelt entry in the list would reserve nothing."""
    for slug in RESERVED:
        with pytest.raises(ValidationError, match="reserved"):
            validate_slug(slug)


@pytest.mark.parametrize("slug", ["adm1n", "l0gin", "log-in", "s-1-gn-u-p", "vvvvvv", "ad-rnin"])
def test_lookalike_of_a_reserved_slug_is_reserved(slug: str) -> None:
    with pytest.raises(ValidationError, match="reserved"):
        validate_slug(slug)


@pytest.mark.parametrize("slug", ["acrne", "b0vvl", "1amp", "lamp-1"])
def test_database_computes_the_same_skeleton(slug: str, acme: Tenant) -> None:
    Tenant.objects.update(slug=slug)
    looks = Tenant.objects.annotate(look=Skeleton("slug")).values_list("look", flat=True)
    assert list(looks) == [skeleton(slug)]


@pytest.mark.django_db
@pytest.mark.parametrize(("slug", "twin"), [("acme", "acrne"), ("b0b", "bob"), ("wall1", "vvalll")])
def test_lookalike_slugs_are_refused(slug: str, twin: str) -> None:
    Tenant(slug=slug, name="first").save()
    with pytest.raises(ValidationError, match="too similar to"):
        Tenant(slug=twin, name="second").full_clean()
    with pytest.raises(IntegrityError, match="tenant_slug_looks_like_no_other"):
        Tenant(slug=twin, name="second").save()


@pytest.mark.parametrize("slug", ["acme", "ACME"])
def test_slug_finds_its_tenant(slug: str, acme: Tenant) -> None:
    assert tenant_of_slug(slug) == acme.pk


@pytest.mark.parametrize("slug", ["", "a\0b", "acme\n", " acme", "a.b", "é", "a" * 64])
def test_invalid_slug_needs_no_query(slug: str, acme: Tenant) -> None:
    with statements() as sent:
        assert tenant_of_slug(slug) is None
    assert sent == []


@pytest.mark.django_db
@pytest.mark.parametrize("slug", ["initech", "www", "xn--bcher-kva"])
def test_valid_slug_is_queried(slug: str) -> None:
    with statements() as sent:
        assert tenant_of_slug(slug) is None
    assert len(sent) == 1
