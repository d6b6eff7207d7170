"""Queries of profiles in the active tenant."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from apps.profiles.models import Profile


def profile_of(user_id: UUID) -> Profile:
    """Return a user's profile, or a new one, empty and unsaved."""
    return profiles_of([user_id])[user_id]


def profiles_of(user_ids: Iterable[UUID]) -> Mapping[UUID, Profile]:
    """Return the profiles of users by the users' ids, as `profile_of`, with one query."""
    wanted = set(user_ids)
    stored = Profile.objects.filter(user_id__in=wanted) if wanted else ()
    return {pk: Profile(user_id=pk) for pk in wanted} | {each.user_id: each for each in stored}
