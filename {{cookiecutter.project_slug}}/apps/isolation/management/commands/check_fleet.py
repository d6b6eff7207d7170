"""Look into every tenant's storage: whether it is there, at head, and shaped as the template."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.backends.base.base import BaseDatabaseWrapper
from tqdm import tqdm

from apps.isolation.fleet import fingerprint_of
from apps.isolation.shape import shape_of
from apps.isolation.storages import fleet, opened_template, opener, schema_in, storage_name

SHOWN = 5
"""Differences of one tenant that are printed."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in a storage: the hash of what is applied, and the parts of its tables."""

    fingerprint: str
    shape: frozenset[str]


class Command(BaseCommand):
    """Compares every tenant's storage with the template."""

    help = "Find tenants whose tables are missing, behind, or not as the migrations make them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what is wrong; exit with an error if anything is."""
        model = apps.get_model(settings.TENANT_MODEL)
        tenants = dict(model._default_manager.order_by("slug").values_list("slug", "pk"))
        looks = dict(self._looks([storage_name(pk) for pk in tenants.values()]))
        with opened_template() as (name, connection):
            head = _look(name, connection)
        problems = {
            slug: found
            for slug, pk in tenants.items()
            if (found := list(_problems(looks.get(storage_name(pk)), head)))
        }
        if options["json"]:
            self.stdout.write(json.dumps({"tenants": len(tenants), "problems": problems}))
        for slug, lines in {} if options["json"] else problems.items():
            self.stdout.write("\n  ".join([f"{slug}:", *lines]))
        if problems:
            message = f"{len(problems)} of {len(tenants)} tenants are not as they should be."
            raise CommandError(message)
        if not options["json"]:
            self.stdout.write(f"All {len(tenants)} tenants are at head, and as the template is.")

    def _looks(self, wanted: list[str]) -> Iterator[tuple[str, Look]]:
        there = fleet()
        with opener() as opened:
            # Drawn on a terminal only.
            for storage in tqdm(wanted, unit="tenant", leave=False, disable=None):
                if storage in there:
                    with opened(storage) as connection:
                        yield storage, _look(storage, connection)


def _look(storage: str, connection: BaseDatabaseWrapper) -> Look:
    return Look(fingerprint_of(storage, connection), shape_of(connection, schema_in(storage)))


def _problems(look: Look | None, head: Look) -> Iterator[str]:
    if look is None:
        yield "its storage is missing: manage.py create_tenant makes it anew, without data"
        return
    if look.fingerprint != head.fingerprint:
        yield "other migrations are applied than to the template: manage.py migrate"
    drift = [f"lacks {part}" for part in head.shape - look.shape]
    drift += [f"has {part}" for part in look.shape - head.shape]
    yield from sorted(drift)[:SHOWN]
    if len(drift) > SHOWN:
        yield f"and {len(drift) - SHOWN} more"
