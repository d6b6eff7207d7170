"""The order of the roles."""

import pytest

from apps.tenants.roles import Role

RANKS = [Role.VIEWER, Role.MEMBER, Role.ADMIN, Role.OWNER]


@pytest.mark.parametrize("role", RANKS)
@pytest.mark.parametrize("wanted", RANKS)
def test_a_role_reaches_those_before_it_and_itself(role: Role, wanted: Role) -> None:
    assert role.reaches(wanted) is (RANKS.index(role) >= RANKS.index(wanted))


def test_these_are_all_roles() -> None:
    assert set(Role) == set(RANKS)
