"""Measures the migrations of one tenant by Django: ``by_migrations.py TIMES``.

Runs in a project's folder; prints a line with the seconds of each run, without set-up and clean-up.
"""

from __future__ import annotations

import sys
from pathlib import Path

import django


def main() -> None:
    """Migrate empty storage as often as the argument says."""
    sys.path.insert(0, str(Path.cwd()))
    django.setup()
    for _ in range(int(sys.argv[1])):
        print(migrated(), flush=True)


def migrated() -> float:
    """Return the seconds that the migrations of an empty storage take."""
    from apps.isolation import ActiveTenant
    from apps.isolation.fields import new_id
    from apps.isolation.fleet.executor import Recordings, migrate_fleet
    from apps.isolation.strategy.naming import physical_name
    from apps.isolation.strategy.provisioning import deprovision, provision

    tenant = ActiveTenant(new_id())
    storage = physical_name(tenant.id)
    provision(tenant)
    try:
        empty(storage)
        (outcome,) = migrate_fleet({storage: None}, Recordings({}), workers=1)
    finally:
        deprovision(tenant)
    if outcome.error:
        sys.exit(outcome.error)
    return outcome.seconds


def empty(storage: str) -> None:
    """Drop all objects that provisioning has copied."""
    from apps.isolation.strategy.targets import schema_in, target_opener

    schema = schema_in(storage)
    with target_opener() as opened, opened(storage) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}")


if __name__ == "__main__":
    main()
