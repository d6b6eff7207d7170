"""The shared data of a tenant in an archive: users, domains, and shared rows that its rows name."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection

from apps.authentication.models import User
from apps.isolation.app_registry import is_tenant_model
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.memberships.selectors import open_invitations
from apps.portability.documents import DomainName, Invited, Key, Person, Shared
from apps.portability.exceptions import ArchiveError
from apps.portability.keys import KeyMap
from apps.portability.people import USERS
from apps.portability.tables import Table
from apps.tenants.models import Domain, Tenant


def keys_named(tables: Mapping[str, Table]) -> dict[str, set[str]]:
    """Return the keys of shared rows that the active tenant's rows name, by model."""
    found: dict[str, set[str]] = {}
    for table in tables.values():
        for column in table.columns:
            if column.refers and not is_tenant_model(apps.get_model(column.refers)):
                found.setdefault(column.refers, set()).update(_distinct(table, column.name))
        for kind, key in table.generics:
            found.setdefault(USERS, set()).update(_users_in(table, kind, key))
    return found


def shared_data_of(tenant: Tenant, named: Mapping[str, Iterable[str]]) -> Shared:
    """Return the shared data of a tenant, and of the users and other shared rows that are named."""
    domains = Domain.objects.for_tenant(tenant).order_by("-is_primary", "domain")
    invitations = open_invitations(tenant.pk).order_by("email")
    return Shared(
        name=tenant.name,
        slug=tenant.slug,
        settings=tenant.settings,
        domains=[
            DomainName(domain=each.domain, is_primary=each.is_primary, verified_at=each.verified_at)
            for each in domains
        ],
        members=list(_people(tenant, named.get(USERS, ()))),
        invitations=[Invited(email=each.email, role=Role(each.role)) for each in invitations],
        keys={label: _natural_keys(label, keys) for label, keys in named.items() if label != USERS},
    )


def maps_of_shared(shared: Shared) -> dict[str, KeyMap]:
    """Return the keys here of the shared rows that natural keys name; raise `ArchiveError`."""
    return {label: KeyMap(label, dict(_found(label, keys))) for label, keys in shared.keys.items()}


def _distinct(table: Table, column: str, kind: str = "", value: int | None = None) -> Iterator[str]:
    quoted = connection.ops.quote_name
    own = quoted(column)
    query = f"SELECT DISTINCT {own}::text FROM {table.name} WHERE {own} IS NOT NULL"
    if kind:
        query += f" AND {quoted(kind)} = %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [value] if kind else [])
        yield from (key for (key,) in cursor.fetchall())


def _users_in(table: Table, kind: str, key: str) -> Iterator[str]:
    """Yield the ids of users whom generic relations name; these may name rows that are gone."""
    users = ContentType.objects.get_for_model(User).pk
    for text in _distinct(table, key, kind, users):
        with suppress(ValueError):
            if User.objects.filter(pk=UUID(text)).exists():
                yield text


def _people(tenant: Tenant, named: Iterable[str]) -> Iterator[Person]:
    members = Membership.objects.for_tenant(tenant).select_related("user").order_by("user_id")
    memberships = {member.user_id: member for member in members}
    ids = memberships.keys() | {UUID(key) for key in named}
    verified = EmailAddress.objects.filter(user__in=ids, verified=True)
    proven = set(verified.values_list("user_id", "email"))
    users = User.objects.filter(pk__in=ids).order_by("pk")
    _require_all(USERS, ids, (user.pk for user in users))
    for user in users:
        member = memberships.get(user.pk)
        yield Person(
            user=user.pk,
            email=user.email,
            verified=(user.pk, user.email) in proven,
            full_name=user.full_name,
            role=Role(member.role) if member else None,
            is_active=bool(member and member.is_active),
            joined_at=member.joined_at if member else None,
        )


def _natural_keys(label: str, keys: Iterable[str]) -> dict[str, list[Key]]:
    model: Any = apps.get_model(label)
    found = model._base_manager.in_bulk(list(keys))
    if not hasattr(model, "natural_key"):
        message = (
            f"The tenant's rows name rows of {label}, which are shared and have no natural key. "
            "Define natural_key() and get_by_natural_key()."
        )
        raise ArchiveError(message)
    _require_all(label, keys, found)
    return {str(key): list(row.natural_key()) for key, row in sorted(found.items())}


def _require_all(label: str, named: Iterable[object], found: Iterable[object]) -> None:
    if lost := set(map(str, named)) - set(map(str, found)):
        message = f"The tenant's rows name {label} {min(lost)}, which does not exist."
        raise ArchiveError(f"{message} manage.py tenant_health_check lists such rows.")


def _found(label: str, keys: Mapping[str, list[Key]]) -> Iterator[tuple[str, str]]:
    try:
        model: Any = apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise ArchiveError(f"There is no model {label!r} here.") from error
    if is_tenant_model(model) or not hasattr(model, "natural_key"):
        raise ArchiveError(f"{label} has no shared rows with natural keys.")
    for key, natural in keys.items():
        try:
            yield key, str(model._default_manager.get_by_natural_key(*natural).pk)
        except (ObjectDoesNotExist, TypeError, ValueError) as error:
            raise ArchiveError(f"There is no row {natural} of {label} here.") from error
