"""``migrate`` where each tenant has tables of its own."""

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
from django.db.migrations import Migration
from tqdm import tqdm

from apps.isolation.fleet import (
    Outcome,
    Recording,
    Recordings,
    fingerprint_of,
    migrate_fleet,
    recorded,
    take_turns,
)
from apps.isolation.management.migration import GuardedMigrateCommand
from apps.isolation.own_tables import MigrationRun, RunStatus, latest_runs
from apps.isolation.storages import fleet, opener, storage_name

WORKERS = 4
LEDGER_BATCH = 100

# With these, Django's own command goes through the fleet, one tenant after the other.
_SPECIAL = ("app_label", "fake", "fake_initial", "run_syncdb", "check_unapplied", "prune", "plan")

_FLAGS = {
    "--retry-failed": "Migrate only those that failed last time.",
    "--one-by-one": "Let Django migrate each tenant by itself, as for every option of its own.",
    "--json": "Print the result as JSON.",
}


class FleetMigrateCommand(GuardedMigrateCommand):
    """Migrates the template, and then what the template was given in all tenants' storages."""

    recording: Recording | None = None
    head: str
    """The hash of what the template has, since it was migrated."""
    migrated: Sequence[str] = ()
    """The storages that something was applied to."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what concerns the fleet."""
        super().add_arguments(parser)
        group = parser.add_argument_group("tenants")
        add, number = group.add_argument, partial(group.add_argument, metavar="N", type=int)
        text = "Migrate N tenants first, and the others only if none of them fails."
        number("--canary", default=0, help=text)
        text = f"Connections to migrate tenants over at the same time (default {WORKERS})."
        number("--workers", default=WORKERS, help=text)
        add("--tenants", metavar="SLUG", nargs="+", help="Migrate only these.")
        for flag, text in _FLAGS.items():
            add(flag, action="store_true", help=text)

    def migration_progress_callback(
        self, action: str, migration: Migration | None = None, fake: bool = False
    ) -> None:
        """Print progress as Django does, and tell the recording."""
        if self.recording is not None:
            self.recording.progress(action, migration, fake)
        super().migration_progress_callback(action, migration, fake)

    def migrate_template(
        self, storage: str, connection: Any, migrate: Callable[[], None]
    ) -> Recordings:
        """Migrate the template by ``migrate``; return a recording of it, for those like it."""
        before = fingerprint_of(storage, connection)
        with recorded(connection) as self.recording:
            migrate()
        recordings = Recordings({before: self.recording})
        self.recording = None
        self.head = fingerprint_of(storage, connection)
        return recordings

    def migrate_tenants(
        self, recordings: Recordings, one: Callable[[str], None], options: dict[str, Any]
    ) -> None:
        """Migrate all tenants that are not at head; raise CommandError if one of them failed."""
        wanted = self._wanted(options)
        if options["one_by_one"] or any(options[name] for name in _SPECIAL):
            _migrate_one_by_one(wanted, one)
            self.migrated = list(wanted)
            return
        behind = {name: found for name, found in wanted.items() if found != self.head}
        self._note_head(wanted.keys() - behind.keys())
        todo, canaries = list(behind.items()), options["canary"]
        outcomes = self._run(dict(todo[:canaries]), recordings, options)
        if not any(outcome.error for outcome in outcomes):
            outcomes += self._run(dict(todo[canaries:]), recordings, options)
        self.migrated = [each.storage for each in outcomes if each.status == "migrated"]
        self._report(outcomes, len(wanted), len(behind), options)

    def _wanted(self, options: dict[str, Any]) -> dict[str, str | None]:
        found = fleet()
        if options["tenants"]:
            found = {name: found.get(name) for name in _storages_of(options["tenants"])}
        if options["retry_failed"]:
            failed = {name for name, run in latest_runs().items() if run.status == RunStatus.FAILED}
            found = {name: None for name in found if name in failed}
        return found

    def _note_head(self, storages: Iterable[str]) -> None:
        """Write down which are at head, where the ledger does not know it yet."""
        runs = latest_runs()
        with _ledger() as note:
            for name in storages:
                if name not in runs or runs[name].after != self.head:
                    note(Outcome(name, self.head, self.head, 0))

    def _run(
        self, behind: dict[str, str | None], recordings: Recordings, options: dict[str, Any]
    ) -> list[Outcome]:
        workers = max(1, min(options["workers"], len(behind)))
        outcomes = migrate_fleet(behind, recordings, workers=workers)
        # Drawn on a terminal only.
        shown = tqdm(outcomes, total=len(behind), unit="tenant", leave=False, disable=None)
        with _ledger() as note:
            return [note(outcome) for outcome in shown]

    def _report(
        self, outcomes: list[Outcome], tenants: int, behind: int, options: dict[str, Any]
    ) -> None:
        counts = Counter(outcome.status for outcome in outcomes)
        failed = [outcome for outcome in outcomes if outcome.error]
        untried = behind - len(outcomes)
        if options["json"]:
            rows = [asdict(outcome) | {"status": outcome.status} for outcome in outcomes]
            body = {"tenants": tenants, "untried": untried, "outcomes": rows}
            self.stdout.write(json.dumps(body))
        elif options["verbosity"] > 0:
            told = [f"{tenants - behind} were at head"]
            told += [", ".join(f"{count} {status}" for status, count in sorted(counts.items()))]
            self.stdout.write(f"Tenants: {tenants}; {'; '.join(filter(None, told))}.")
        if failed:
            lines = [f"{outcome.storage}: {outcome.error}" for outcome in failed]
            rest = f" {untried} were not tried." if untried else ""
            message = f"{len(failed)} of {tenants} tenants were not migrated.{rest}"
            hint = "Mend the cause, then: manage.py migrate --retry-failed"
            raise CommandError("\n".join([message, *lines, hint]))


def _migrate_one_by_one(wanted: Mapping[str, str | None], one: Callable[[str], None]) -> None:
    """Migrate by Django, and note what is applied then: it may be less than before."""
    with opener() as opened, _ledger() as note:
        for storage, before in wanted.items():
            started = time.monotonic()
            after, error = "", "it was broken off"
            try:
                with opened(storage) as connection:
                    take_turns(storage, connection)
                    one(storage)
                    after, error = fingerprint_of(storage, connection), ""
            finally:
                note(Outcome(storage, before or "", after, time.monotonic() - started, error))


def _storages_of(slugs: list[str]) -> list[str]:
    model = apps.get_model(settings.TENANT_MODEL)
    ids = dict(model._default_manager.filter(slug__in=slugs).values_list("slug", "pk"))
    if unknown := [slug for slug in slugs if slug not in ids]:
        raise CommandError(f"There is no tenant {', '.join(unknown)}.")
    return [storage_name(ids[slug]) for slug in slugs]


@contextmanager
def _ledger() -> Iterator[Callable[[Outcome], Outcome]]:
    """Give a function that notes an outcome; they are written many at a time."""
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
