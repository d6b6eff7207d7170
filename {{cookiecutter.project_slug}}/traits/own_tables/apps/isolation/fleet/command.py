"""``migrate`` for tenants with their own tables."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from tqdm import tqdm

from apps.isolation.app_registry import as_owner
from apps.isolation.fleet.executor import (
    WORKERS,
    Outcome,
    Recordings,
    checked,
    migrate_fleet,
    take_turns,
)
from apps.isolation.fleet.recording import Recording, fingerprint_of, recorded
from apps.isolation.ledger import MigrationRun, RunStatus, latest_runs
from apps.isolation.migrate import CheckedMigrateCommand
from apps.isolation.strategy.naming import physical_name
from apps.isolation.strategy.targets import fingerprints, target_opener

LEDGER_BATCH = 100

# With these, Django's own command migrates one tenant after the other.
_SPECIAL = ("app_label", "fake", "fake_initial", "run_syncdb", "prune")

_FLAGS = {
    "--retry-failed": "Migrate only the tenants that failed the last time.",
    "--one-by-one": "Let Django migrate each tenant separately, as its own options require.",
    "--json": "Print the result as JSON.",
}


class FleetMigrateCommand(CheckedMigrateCommand):
    """Migrates the template first, and then all tenants with the recorded SQL."""

    recording: Recording | None = None
    template_fingerprint: str
    """The hash of the template's migrations after it was migrated."""
    migrated: Sequence[str] = ()
    """The targets that migrations were applied to."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options about tenants."""
        super().add_arguments(parser)
        group = parser.add_argument_group("tenants")
        add, number = group.add_argument, partial(group.add_argument, metavar="N", type=int)
        text = "Migrate N tenants first, and the others only if none of them fails."
        number("--canary", default=0, help=text)
        text = (
            f"Number of tenants to migrate in parallel, each with a connection (default {WORKERS})."
        )
        number("--workers", default=WORKERS, help=text)
        add("--tenants", metavar="SLUG", nargs="+", help="Migrate only these tenants.")
        for flag, text in _FLAGS.items():
            add(flag, action="store_true", help=text)

    def migration_progress_callback(
        self, action: str, migration: Migration | None = None, fake: bool = False
    ) -> None:
        """Print progress as Django does, and report it to the recording."""
        if self.recording is not None:
            self.recording.progress(action, migration, fake)
        super().migration_progress_callback(action, migration, fake)

    def migrate_template(
        self, target: str, connection: BaseDatabaseWrapper, migrate: Callable[[], None]
    ) -> Recordings:
        """Migrate the template by ``migrate``; return a recording for tenants in the same state."""
        before = fingerprint_of(target, connection)
        with recorded(target, connection) as self.recording:
            migrate()
        recordings = Recordings({before: self.recording})
        self.recording = None
        self.template_fingerprint = fingerprint_of(target, connection)
        return recordings

    def migrate_tenants(
        self, recordings: Recordings, one: Callable[[str], None], options: dict[str, Any]
    ) -> None:
        """Migrate all tenants with unapplied migrations; raise CommandError if one failed."""
        wanted = self._wanted(options["tenants"], retry_failed=options["retry_failed"])
        if options["one_by_one"] or any(options[name] for name in _SPECIAL):
            self.migrated = list(wanted)
            outcomes = _migrate_one_by_one(wanted, one, self.template_fingerprint)
            self._report(outcomes, len(wanted), len(wanted), {**options, "verbosity": 0})
            return
        unmigrated = {
            name: found for name, found in wanted.items() if found != self.template_fingerprint
        }
        self._note_migrated(wanted.keys() - unmigrated.keys())
        todo, canaries = list(unmigrated.items()), options["canary"]
        run = partial(self._run, recordings=recordings, workers=options["workers"])
        outcomes = run(dict(todo[:canaries]))
        if not any(outcome.error for outcome in outcomes):
            outcomes += run(dict(todo[canaries:]))
        self.migrated = [each.target for each in outcomes if each.status == "migrated"]
        self._report(outcomes, len(wanted), len(unmigrated), options)

    def plan(self, *args: object, **options: Any) -> None:
        """Print what would be applied to the shared data, and to tenants that differ from it.

        The shared data records the migrations of all apps, so its plan covers most tenants.
        """
        shared = self.shared_target()
        with target_opener() as opened, opened(shared) as connection:
            applied = fingerprint_of(shared, connection)
            self.plan_over(connection.alias, args, options)
        with as_owner():
            named, failed = options["tenants"], options["retry_failed"]
            tenants = self._wanted(named, retry_failed=failed) if applied else {}
        with target_opener() as opened:
            for target in [name for name, known in tenants.items() if known != applied]:
                with opened(target) as connection:
                    if fingerprint_of(target, connection) != applied:
                        self.stdout.write(self.style.MIGRATE_HEADING(f"{target}:"))
                        self.plan_over(connection.alias, args, options)

    def shared_target(self) -> str:
        """Return the target that holds the shared data."""
        raise NotImplementedError

    def _wanted(self, tenants: list[str] | None, *, retry_failed: bool) -> dict[str, str | None]:
        found = fingerprints()
        if tenants:
            found = {name: found.get(name) for name in _targets_of(tenants)}
        if retry_failed:
            failed = {name for name, run in latest_runs().items() if run.status == RunStatus.FAILED}
            found = {name: None for name in found if name in failed}
        return found

    def _note_migrated(self, targets: Iterable[str]) -> None:
        """Record in the ledger which targets are fully migrated, unless it does so already."""
        runs = latest_runs()
        with _ledger() as note:
            for name in targets:
                if name not in runs or runs[name].after != self.template_fingerprint:
                    note(Outcome(name, self.template_fingerprint, self.template_fingerprint, 0))

    def _run(
        self, unmigrated: dict[str, str | None], recordings: Recordings, *, workers: int
    ) -> list[Outcome]:
        workers = max(1, min(workers, len(unmigrated)))
        outcomes = migrate_fleet(
            unmigrated, recordings, workers=workers, wanted=self.template_fingerprint
        )
        # Shown on a terminal only.
        shown = tqdm(outcomes, total=len(unmigrated), unit="tenant", leave=False, disable=None)
        with _ledger() as note:
            return [note(outcome) for outcome in shown]

    def _report(
        self, outcomes: list[Outcome], tenants: int, unmigrated: int, options: dict[str, Any]
    ) -> None:
        counts = Counter(outcome.status for outcome in outcomes)
        failed = [outcome for outcome in outcomes if outcome.error]
        untried = unmigrated - len(outcomes)
        if options["json"]:
            rows = [asdict(outcome) | {"status": outcome.status} for outcome in outcomes]
            body = {"tenants": tenants, "untried": untried, "outcomes": rows}
            self.stdout.write(json.dumps(body))
        elif options["verbosity"] > 0:
            parts = [f"{tenants - unmigrated} were up to date"]
            parts += [", ".join(f"{count} {status}" for status, count in sorted(counts.items()))]
            self.stdout.write(f"Tenants: {tenants}; {'; '.join(filter(None, parts))}.")
        if failed:
            lines = [f"{outcome.target}: {outcome.error}" for outcome in failed]
            rest = f" {untried} were not tried." if untried else ""
            message = f"{len(failed)} of {tenants} tenants were not migrated.{rest}"
            hint = "Fix the cause, then: manage.py migrate --retry-failed"
            raise CommandError("\n".join([message, *lines, hint]))


def _migrate_one_by_one(
    wanted: Mapping[str, str | None], one: Callable[[str], None], after_template: str
) -> list[Outcome]:
    """Migrate by Django, and record what is applied: a backward migration may reduce it."""
    outcomes = []
    with target_opener() as opened, _ledger() as note:
        for target, before in wanted.items():
            started = time.monotonic()
            after, error = "", "it was interrupted"
            try:
                with opened(target) as connection:
                    take_turns(target, connection)
                    with recorded(target, connection):
                        one(target)
                    after, error = fingerprint_of(target, connection), ""
            finally:
                outcome = Outcome(target, before or "", after, time.monotonic() - started, error)
                outcomes.append(note(outcome if error else checked(outcome, after_template)))
    return outcomes


def _targets_of(slugs: list[str]) -> list[str]:
    model = apps.get_model(settings.TENANT_MODEL)
    ids = dict(model._default_manager.filter(slug__in=slugs).values_list("slug", "pk"))
    if unknown := [slug for slug in slugs if slug not in ids]:
        raise CommandError(f"There is no tenant {', '.join(unknown)}.")
    return [physical_name(ids[slug]) for slug in slugs]


@contextmanager
def _ledger() -> Iterator[Callable[[Outcome], Outcome]]:
    """Yield a function that records an outcome; outcomes are written in batches."""
    waiting: list[MigrationRun] = []

    def write() -> None:
        MigrationRun.objects.bulk_create(waiting)
        waiting.clear()

    def note(outcome: Outcome) -> Outcome:
        waiting.append(MigrationRun(**asdict(outcome), status=outcome.status))
        if len(waiting) == LEDGER_BATCH:
            write()
        return outcome

    try:
        yield note
    finally:
        write()
