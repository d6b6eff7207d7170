"""Users of an archive: which account here is each of them, and what becomes of memberships.

An archive's claims prove nothing. So an address counts only if its user has verified it here, or if
nobody has claimed the account. Such a user decides by an invitation whether to join, unless the
operator trusts the addresses.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction

from apps.audit.services import Action, record
from apps.authentication.models import User
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.fields import new_id
from apps.memberships.invitations import invite_owner
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.portability.documents import Person, Shared
from apps.portability.exceptions import ArchiveError
from apps.portability.keys import KeyMap
from apps.tenants.models import Tenant

if TYPE_CHECKING:
    from django.db.models import QuerySet

ERASED = "@erased.invalid"
"""End of the addresses of anonymised users, who cannot log in."""

USERS = User._meta.label_lower


class How(StrEnum):
    """The reason why an account here is a user of the archive."""

    MAPPED = "mapped"
    SAME = "same"
    ADDRESS = "address"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Match:
    """A user of the archive, and the id of the account here, which may not exist yet."""

    person: Person
    id: UUID
    how: How
    exists: bool


def read_mapping(path: str) -> dict[str, str]:
    """Read a CSV file without a header: an address in the archive, and the user's address here."""
    if not path:
        return {}
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = [[cell.strip().lower() for cell in row] for row in csv.reader(file) if row]
    pairs = {row[0]: row[1] for row in rows if len(row) == 2}  # noqa: PLR2004 - two columns
    if len(pairs) != len(rows):
        message = f"{path} must have two addresses in each row, and each first one once."
        raise ArchiveError(message)
    return pairs


def match(shared: Shared, mapping: Mapping[str, str], since: datetime | None) -> list[Match]:
    """Find the account of each user; ``since`` is when an interrupted import of them began.

    Raises `ArchiveError` for a user who could be somebody else here.
    """
    people = shared.members
    if len({person.user for person in people}) != len(people):
        raise ArchiveError("shared.json has a user twice.")
    addresses = {person.email for person in people} | set(mapping.values())
    known = _Known(people, addresses, since)
    return [known.find(person, mapping) for person in people]


def user_map(matches: Iterable[Match]) -> KeyMap:
    """Return the map of users; raise `ArchiveError` if two of them would become one."""
    return KeyMap("users", {str(each.person.user): str(each.id) for each in matches})


def map_for_verification(shared: Shared, mapping: Mapping[str, str]) -> KeyMap:
    """Return the map of users as an import has made it, from what is stored here."""
    addresses = [*(person.email for person in shared.members), *mapping.values()]
    known = User.objects.filter(email__in=addresses)
    ids = dict(known.values_list("email", "pk"))
    pairs = {}
    for person in shared.members:
        here = ids.get(mapping.get(person.email, person.email), person.user)
        pairs[str(person.user)] = str(here)
    return KeyMap("users", pairs)


def create_accounts(matches: Iterable[Match]) -> None:
    """Create the missing accounts, without a password and with unverified addresses."""
    with transaction.atomic(using=SHARED_DB):
        for each in matches:
            if not each.exists:
                _create(each)
            elif each.how == How.NEW:
                # An interrupted import has created it; its person may have another address now.
                known = User.objects.filter(pk=each.id)
                known.update(email=each.person.email, full_name=each.person.full_name)


def set_passwords(matches: Iterable[Match], passwords: Mapping[UUID, str]) -> None:
    """Store hashes of passwords for accounts that have none and were never used.

    An account that somebody uses here keeps its own, whatever the archive says.
    """
    for each in matches:
        if (encoded := passwords.get(each.person.user)) and each.how in {How.NEW, How.SAME}:
            unused = User.objects.filter(pk=each.id, last_login=None)
            unused.filter(password__startswith=UNUSABLE_PASSWORD_PREFIX).update(password=encoded)


def remove_accounts(shared: Shared, since: datetime) -> None:
    """Delete the accounts that an unfinished import has created since a time."""
    addresses = [person.email for person in shared.members]
    new = User.objects.filter(email__in=addresses, date_joined__gte=since, last_login=None)
    ids = [user.pk for user in new.filter(memberships=None) if not user.has_usable_password()]
    table = connections[SHARED_DB].ops.quote_name(User._meta.db_table)
    # By SQL: the ORM refuses to delete shared rows to which tenants' rows could refer.
    for key in ids:
        # Another unfinished tenant may name the same user.
        with (
            suppress(IntegrityError),
            transaction.atomic(using=SHARED_DB),
            connections[SHARED_DB].cursor() as cursor,
        ):
            cursor.execute(f"DELETE FROM {table} WHERE id = %s", [key])


def admit(tenant: Tenant, matches: Iterable[Match], *, trusts: bool) -> dict[str, int]:
    """Create the memberships, in a transaction of the shared data; return their number by kind."""
    counts: Counter[str] = Counter()
    for each in matches:
        counts[each.how] += 1
        if each.person.role is None:
            continue
        is_trusted = trusts or each.how != How.ADDRESS
        _join(tenant, each, is_active=each.person.is_active and is_trusted)
        if each.person.is_active and not is_trusted:
            counts["inactive"] += 1
            if each.person.role == Role.OWNER:
                invite_owner(tenant, each.person.email)
                counts["invited"] += 1
    return dict(counts)


class _Known:
    """The accounts here that could be users of the archive."""

    def __init__(
        self, people: Iterable[Person], addresses: Iterable[str], since: datetime | None
    ) -> None:
        by_id: QuerySet[User] = User.objects.filter(pk__in=[person.user for person in people])
        self._by_id = {user.pk: user for user in by_id}
        self._by_email = {u.email: u for u in User.objects.filter(email__in=list(addresses))}
        rows = EmailAddress.objects.filter(user__in=self._by_email.values(), verified=True)
        self._verified = set(rows.values_list("user_id", "email"))
        self._since = since

    def find(self, person: Person, mapping: Mapping[str, str]) -> Match:
        if person.email in mapping:
            return self._mapped(person, mapping[person.email])
        same, other = self._by_id.get(person.user), self._by_email.get(person.email)
        if other is None and same and self._is_of_this_import(same):
            return Match(person, same.pk, How.NEW, exists=True)
        if other is None:
            return Match(person, new_id() if same else person.user, How.NEW, exists=False)
        if self._is_of_this_import(other):
            return Match(person, other.pk, How.NEW, exists=True)
        if other is same or other.pk == person.user:
            return Match(person, other.pk, How.SAME, exists=True)
        if (other.pk, other.email) not in self._verified and not _is_unclaimed(other):
            message = (
                f"The address of the user {person.user} belongs to an account here that has not "
                "verified it: name the right account in --users."
            )
            raise ArchiveError(message)
        return Match(person, other.pk, How.ADDRESS, exists=True)

    def _mapped(self, person: Person, address: str) -> Match:
        user = self._by_email.get(address)
        if user is None:
            raise ArchiveError(f"--users names {address}, which is no account here.")
        return Match(person, user.pk, How.MAPPED, exists=True)

    def _is_of_this_import(self, user: User) -> bool:
        is_new = self._since is not None and user.date_joined >= self._since
        return is_new and _is_unclaimed(user)


def _is_unclaimed(user: User) -> bool:
    """Return whether nobody could use an account yet: an import has created it, or an invitation.

    Whoever claims it proves the address by a mail.
    """
    return not user.has_usable_password() and user.last_login is None


def _create(each: Match) -> None:
    person = each.person
    is_erased = person.email.endswith(ERASED)
    user = User(pk=each.id, email=person.email, full_name=person.full_name)
    user.is_active = not is_erased
    user.set_unusable_password()
    try:
        user.clean_fields(exclude=["password", "email"] if is_erased else ["password"])
    except ValidationError as error:
        message = f"The user {person.user} is not valid: {' '.join(error.messages)}"
        raise ArchiveError(message) from error
    if person.email != User.objects.normalize_email(person.email):
        raise ArchiveError(f"The address of the user {person.user} is not in lower case.")
    user.save(force_insert=True)


def _join(tenant: Tenant, each: Match, *, is_active: bool) -> None:
    role = each.person.role or Role.VIEWER
    member = Membership(tenant=tenant, user_id=each.id, role=role, is_active=is_active)
    member.save(force_insert=True)
    if each.person.joined_at:
        own = Membership.objects.for_tenant(tenant).filter(pk=member.pk)
        own.update(joined_at=each.person.joined_at)
    after = {"role": role, "is_active": is_active}
    record(Action.MEMBER_JOINED, member, tenant=tenant, actor=None, after=after)
