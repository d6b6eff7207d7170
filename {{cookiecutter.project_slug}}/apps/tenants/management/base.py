"""Base classes and helpers for the platform's commands."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, ProgrammingError, transaction
from psycopg.errors import UndefinedTable
from rest_framework.exceptions import APIException

from apps.audit.services import differences
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.exceptions import ProvisioningError, WritesContinueError
from apps.tenants.models import Domain, Tenant


@contextmanager
def in_a_sentence(what: str) -> Iterator[None]:
    """Turn the block's expected errors into one sentence instead of a traceback."""
    try:
        yield
    except ValidationError as error:
        raise CommandError(f"Cannot {what}: {' '.join(error.messages)}") from error
    except (APIException, ProvisioningError, WritesContinueError) as error:
        raise CommandError(f"Cannot {what}: {error}") from error
    except IntegrityError as error:
        raise CommandError(f"Cannot {what}: another request changed the same data.") from error
    except ProgrammingError as error:
        if not isinstance(error.__cause__, UndefinedTable):
            raise
        message = f"Cannot {what}: a table is missing. Run manage.py migrate first."
        raise CommandError(message) from error


class TenantCommand(BaseCommand):
    """Base of commands that change one tenant, and report the changes."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="name in the tenant's host name")
        parser.add_argument("--json", action="store_true", help="print a JSON object")
        parser.add_argument(
            "--dry-run", action="store_true", help="make the change, report it, and roll it back"
        )

    def handle(self, *args: object, slug: str, dry_run: bool, **options: object) -> None:
        """Make the change, or fail with one sentence."""
        with in_a_sentence(f"change {slug!r}"), transaction.atomic(using=SHARED_DB):
            tenant = Tenant.objects.filter(slug=slug).first()
            if tenant is None:
                raise CommandError(f"There is no tenant {slug!r}.")
            before = self.state(tenant, options)
            self.change(tenant, options)
            changes = differences(before, self.state(tenant, options))
            transaction.set_rollback(dry_run, using=SHARED_DB)
        if options["json"]:
            self.stdout.write(json.dumps({"tenant": slug, "dry_run": dry_run, "changes": changes}))
            return
        for name, values in changes.items():
            would = "would be " if dry_run else ""
            self.stdout.write(f"{name}: {would}{values['after']} (was {values['before']})")
        if not changes:
            self.stdout.write("Nothing to change.")

    def state(self, tenant: Tenant, options: dict[str, Any]) -> dict[str, object]:
        """Return the stored values that the command may change."""
        names = ("name", "slug", "status", "purge_after", "hold_reason")
        stored = Tenant.objects.values(*names).get(pk=tenant.pk)
        stored["purge_after"] = stored["purge_after"] and f"{stored['purge_after']:%Y-%m-%d %H:%M}"
        domains = Domain.objects.for_tenant(tenant).order_by("-is_primary", "pk")
        return {**stored, "domain": domains.values_list("domain", flat=True).first()}

    def change(self, tenant: Tenant, options: dict[str, Any]) -> None:
        """Make the change."""
        raise NotImplementedError
