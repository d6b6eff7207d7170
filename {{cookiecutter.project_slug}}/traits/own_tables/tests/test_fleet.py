"""`migrate` over many tenants in real processes, with new migrations."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from apps.isolation import tenant_context
from apps.isolation.ledger import MigrationRun
from apps.isolation.strategy.invariants import count_unmigrated
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.provisioning import deprovision
from apps.isolation.strategy.targets import fingerprints, opened_template, schema_in, target_opener
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from tests.deployment import Deployment
from tests.sample.models import Shelf
from tests.support import start

pytestmark = pytest.mark.usefixtures("provisioning")

ADD_FIELD = """
    migrations.AddField("shelf", "colour", models.CharField(max_length=9, default="blue")),
    migrations.AddIndex("shelf", models.Index(fields=["colour"], name="shelf_by_colour")),
"""
ADD_OTHER = """
    migrations.AddField("shelf", "size", models.CharField(max_length=9, default="big")),
"""
RUN_PYTHON = """
    migrations.RunPython(shout, migrations.RunPython.noop),
"""
LEAVE_A_BREACH = """
    migrations.RunSQL(
        "CREATE FUNCTION breach() RETURNS text SECURITY DEFINER LANGUAGE sql RETURN current_user",
        "DROP FUNCTION breach()",
    ),
"""


@pytest.fixture
def tenants(provisioning: None) -> list[Tenant]:
    made = [create_tenant(slug=f"t{number}", name=str(number)) for number in range(3)]
    for tenant in made:
        with tenant_context(tenant):
            Shelf.objects.create(name=f"of {tenant.slug}")
    return made


def _select(storage: str, query: str) -> list[Any]:
    with target_opener() as opened, opened(storage) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return [value for (value,) in cursor.fetchall()]


def _times_applied(storage: str, name: str) -> int:
    query = f"SELECT count(*) FROM django_migrations WHERE app = 'sample' AND name = '{name}'"
    (count,) = _select(storage, query)
    return int(count)


def _break(storage: str) -> None:
    """Make the next migration of this tenant fail."""
    with target_opener() as opened, opened(storage) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE sample_shelf ADD COLUMN colour integer")


def _repair(storage: str) -> None:
    with target_opener() as opened, opened(storage) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE sample_shelf DROP COLUMN colour")


def _behind() -> int:
    """Return the number of unmigrated tenants in the metrics."""
    return count_unmigrated(dict(Tenant.objects.values_list("pk", "created_at")))


def test_all_tenants_get_the_migrations_of_the_template(
    tenants: list[Tenant], deployment: Deployment
) -> None:
    deployment.add(ADD_FIELD)
    check = deployment.run("check_fleet")
    assert check.returncode == 0, "nothing is count_unmigrated the template yet"
    deployment.migrate()
    for storage in fingerprints():
        assert _times_applied(storage, deployment.names[-1]) == 1
    for tenant in tenants:
        assert _select(physical_name(tenant.pk), "SELECT colour FROM sample_shelf") == ["blue"]
    assert deployment.run("check_fleet").returncode == 0
    assert {run.status for run in MigrationRun.objects.all()} == {"migrated"}
    assert f"{len(fingerprints())} were up to date." in deployment.migrate()


def test_reversed_migration_is_applied_again(tenants: list[Tenant], deployment: Deployment) -> None:
    deployment.add(ADD_FIELD)
    deployment.migrate()
    deployment.migrate("sample", deployment.names[0])
    assert {_times_applied(storage, deployment.names[-1]) for storage in fingerprints()} == {0}
    deployment.migrate()
    assert {_times_applied(storage, deployment.names[-1]) for storage in fingerprints()} == {1}


SQUASHED = """
from django.db import migrations, models

class Migration(migrations.Migration):
    replaces = {replaces}
    initial = True
    dependencies = [("sample", "{before}")]
    operations = [{operations}]
"""


def _applied(storage: str) -> set[str]:
    return set(_select(storage, "SELECT name FROM django_migrations WHERE app = 'sample'"))


@pytest.mark.parametrize("one_by_one", [False, True])
def test_squash_is_recorded_for_every_tenant(
    one_by_one: bool, tenants: list[Tenant], deployment: Deployment
) -> None:
    """The order that Django documents: squash, migrate, remove the replaced migrations."""
    deployment.add(ADD_FIELD)
    deployment.add(ADD_OTHER)
    deployment.migrate()
    first, *replaced = deployment.names
    squash = {"replaces": [("sample", name) for name in replaced], "before": first}
    path = deployment.package / f"{replaced[0]}_squashed.py"
    path.write_text(SQUASHED.format(operations=ADD_FIELD + ADD_OTHER, **squash))
    answer = deployment.migrate(*(["--one-by-one"] if one_by_one else []))
    assert {path.stem in _applied(storage) for storage in fingerprints()} == {True}
    assert _behind() == 0, answer
    for name in replaced:
        (deployment.package / f"{name}.py").unlink()
    path.write_text(SQUASHED.format(operations=ADD_FIELD + ADD_OTHER, **squash | {"replaces": []}))
    deployment.names[1:] = [path.stem]
    deployment.migrate()
    deployment.migrate("sample", "--prune")
    assert {frozenset(_applied(name)) for name in fingerprints()} == {frozenset({first, path.stem})}
    deployment.add(RUN_PYTHON)
    deployment.migrate()
    assert {_times_applied(name, deployment.names[-1]) for name in fingerprints()} == {1}
    assert deployment.run("check_fleet").returncode == 0


def test_fake_applies_to_every_tenant(tenants: list[Tenant], deployment: Deployment) -> None:
    deployment.add(ADD_FIELD)
    deployment.migrate("sample", "--fake")
    assert {_times_applied(name, deployment.names[-1]) for name in fingerprints()} == {1}
    deployment.migrate("sample", deployment.names[0], "--fake")
    assert {_times_applied(name, deployment.names[-1]) for name in fingerprints()} == {0}
    deployment.migrate()
    assert _select(physical_name(tenants[0].pk), "SELECT colour FROM sample_shelf") == ["blue"]


@pytest.mark.parametrize("option", [[], ["--one-by-one"]])
def test_tenant_with_other_migrations_has_failed(
    option: list[str], tenants: list[Tenant], deployment: Deployment
) -> None:
    """It was restored from a backup of a version with another migration."""
    deployment.add(ADD_FIELD)
    restored = physical_name(tenants[0].pk)
    with target_opener() as opened, opened(restored) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('sample', '9_x', now())"
        )
    result = deployment.run("migrate", *option)
    assert result.returncode == 1
    assert f"{restored}: its applied migrations differ from the template's" in result.stderr
    assert _behind() == 1
    with target_opener() as opened, opened(restored) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE name = '9_x'")
    deployment.migrate("--retry-failed")
    assert _behind() == 0


COMMENTED = [
    "UPDATE sample_shelf SET description = '1' -- note",
    "UPDATE sample_shelf SET description = description || '2'; -- note",
    "UPDATE sample_shelf SET description = description || '3' /* note */",
    "-- note\nUPDATE sample_shelf SET description = description || '4'\n-- note\n",
    "UPDATE sample_shelf SET description = description || '5';\n\n;",
]


def test_sql_that_ends_in_a_comment(tenants: list[Tenant], deployment: Deployment) -> None:
    for statement in COMMENTED:
        deployment.add(f"migrations.RunSQL([{statement!r}], migrations.RunSQL.noop),")
    deployment.migrate()
    for tenant in tenants:
        description = "SELECT description FROM sample_shelf"
        assert _select(physical_name(tenant.pk), description) == ["12345"]


def test_python_in_a_migration_runs_in_each_tenant(
    tenants: list[Tenant], deployment: Deployment
) -> None:
    deployment.add(RUN_PYTHON)
    deployment.add(ADD_FIELD)
    deployment.migrate()
    for tenant in tenants:
        names = _select(physical_name(tenant.pk), "SELECT name FROM sample_shelf")
        assert names == [f"OF {tenant.slug.upper()}"]


def test_failed_tenant_stops_no_other_and_is_retried(
    tenants: list[Tenant], deployment: Deployment
) -> None:
    deployment.add(ADD_FIELD)
    broken, *others = (physical_name(tenant.pk) for tenant in tenants)
    _break(broken)
    result = deployment.run("migrate")
    assert result.returncode == 1
    assert f"1 of {len(fingerprints())} tenants were not migrated." in result.stderr
    assert f'{broken}: column "colour"' in result.stderr
    assert all(_times_applied(storage, deployment.names[-1]) == 1 for storage in others)
    assert _times_applied(broken, deployment.names[-1]) == 0
    assert _behind() == 1
    _repair(broken)
    answer = json.loads(deployment.migrate("--retry-failed", "--json", "--verbosity=0"))
    assert [outcome["target"] for outcome in answer["outcomes"]] == [broken]
    assert _behind() == 0
    assert _times_applied(broken, deployment.names[-1]) == 1


def test_tenant_with_unsuitable_rows_stops_no_other(
    tenants: list[Tenant], deployment: Deployment
) -> None:
    deployment.add(RUN_PYTHON)
    broken, *others = (physical_name(tenant.pk) for tenant in tenants)
    with tenant_context(tenants[0]):
        Shelf.objects.update(name="dumb")
    result = deployment.run("migrate")
    assert (result.returncode, f"{broken}: it cannot shout" in result.stderr) == (1, True)
    assert f"1 of {len(fingerprints())} tenants were not migrated." in result.stderr
    assert all(_times_applied(storage, deployment.names[-1]) == 1 for storage in others)


def test_canaries_go_first(tenants: list[Tenant], deployment: Deployment) -> None:
    deployment.add(ADD_FIELD)
    first, second, *_ = fingerprints()
    _break(first)
    result = deployment.run("migrate", "--canary=1")
    assert result.returncode == 1
    assert f"{len(fingerprints()) - 1} were not tried." in result.stderr
    assert _times_applied(second, deployment.names[-1]) == 0
    assert _behind() == len(tenants), "those that were not tried, too"
    _repair(first)
    deployment.migrate("--canary=1")
    assert _behind() == 0
    assert all(_times_applied(storage, deployment.names[-1]) == 1 for storage in fingerprints())


def test_only_named_tenants_are_migrated(tenants: list[Tenant], deployment: Deployment) -> None:
    deployment.add(ADD_FIELD)
    deployment.migrate("--tenants", "t1")
    applied = {t.slug: _times_applied(physical_name(t.pk), deployment.names[-1]) for t in tenants}
    assert applied == {"t0": 0, "t1": 1, "t2": 0}
    assert _behind() == 2
    deployment.migrate("--one-by-one")
    deployment.migrate()
    assert _behind() == 0, "the ledger learns what Django did by itself"
    result = deployment.run("migrate", "--tenants", "t1", "nobody")
    assert (result.returncode, "There is no tenant nobody." in result.stderr) == (1, True)
    deployment.migrate("--one-by-one")
    assert all(_times_applied(storage, deployment.names[-1]) == 1 for storage in fingerprints())


def test_migration_that_violates_an_invariant(
    tenants: list[Tenant], deployment: Deployment
) -> None:
    deployment.add(LEAVE_A_BREACH)
    for _ in range(2):
        result = deployment.run("migrate", "--skip-checks")
        assert result.returncode == 1, "also when nothing is left to migrate"
        assert "Migrated, but invariants are violated" in result.stderr
        assert "breach()" in result.stderr


def test_killed_and_run_again(tenants: list[Tenant], deployment: Deployment) -> None:
    """A lock on one tenant's table delays the run, which is killed in the middle.

    The ledger then describes the run before. PostgreSQL still executes the statements of the killed
    run when the next run begins.
    """
    deployment.add(RUN_PYTHON)
    deployment.migrate()
    deployment.add(ADD_FIELD)
    first, held, *_ = fingerprints()
    with target_opener() as opened, opened(held) as connection, _held(connection) as cursor:
        runs = []
        for number in (1, 2):
            command = ["manage.py", "migrate", "--skip-checks", "--workers=1"]
            runs.append(start(*command, **deployment.environment))
            while _waiting_for(cursor) < number:
                assert runs[-1].poll() is None, runs[-1].communicate()
        killed, again = runs
        killed.kill()
        killed.communicate()
    assert _times_applied(first, deployment.names[-1]) == 1
    output = again.communicate()
    assert again.returncode == 0, output
    assert all(_times_applied(storage, deployment.names[-1]) == 1 for storage in fingerprints())


@contextmanager
def _held(connection: Any) -> Iterator[Any]:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sample_shelf")
        yield cursor


def _waiting_for(cursor: Any) -> int:
    """Return how many sessions wait, directly or indirectly, for this one."""
    cursor.execute("""
        WITH waiting AS (SELECT pid, pg_blocking_pids(pid) FROM pg_locks WHERE NOT granted),
            here AS (SELECT pid FROM waiting WHERE pg_backend_pid() = ANY (pg_blocking_pids))
        SELECT count(DISTINCT pid) FROM waiting
        WHERE pg_blocking_pids && ARRAY(SELECT pid FROM here) OR pid IN (SELECT pid FROM here)
    """)
    (count,) = cursor.fetchone()
    return int(count)


def test_check_fleet_finds_drift(tenants: list[Tenant]) -> None:
    call_command("check_fleet")
    _break(physical_name(tenants[0].pk))
    deprovision(tenants[1])
    with pytest.raises(CommandError, match="2 of 3 tenants"):
        call_command("check_fleet")


def test_check_fleet_accepts_a_restored_backup(tenants: list[Tenant]) -> None:
    """PostgreSQL prints a check constraint differently after a restore."""
    storage = physical_name(tenants[0].pk)
    with opened_template() as (template, connection):
        first = _written_checks(template, connection)
    with target_opener() as opened, opened(storage) as connection:
        with connection.cursor() as cursor:
            for table, name, check in _written_checks(storage, connection):
                cursor.execute(
                    f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {check}"
                )
        assert _written_checks(storage, connection) != first
    call_command("check_fleet")


def _written_checks(target: str, connection: Any) -> list[Any]:
    query = """
        SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE contype = 'c' AND connamespace = to_regnamespace(%s) ORDER BY 2
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [schema_in(target)])
        return list(cursor.fetchall())
