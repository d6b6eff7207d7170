"""Delete all shared rows, all rows of every tenant, and all tenants' files."""

from django.core.management.base import CommandError
from django.core.management.commands.flush import Command as FlushCommand
from django.db import DEFAULT_DB_ALIAS

from apps.isolation.app_registry import OWNER
from apps.isolation.integrations.files import delete_all_files
from apps.isolation.strategy.provisioning import wipe

QUESTION = "This deletes ALL rows of ALL tenants, all files and all users. Type 'yes' to continue: "


class Command(FlushCommand):
    """Django's ``flush`` for all tables of the project.

    It empties them as their owner, since the run-time role may not. Django also calls it after
    tests that cannot be rolled back.
    """

    help = "Delete all shared rows, all rows of every tenant, and all tenants' files."

    def handle(self, **options: object) -> None:
        """Ask for confirmation, then delete."""
        if options["database"] not in {DEFAULT_DB_ALIAS, OWNER}:
            return  # The other aliases reach parts of the same data.
        if options["interactive"] and input(QUESTION) != "yes":
            raise CommandError("Nothing was deleted.")
        wipe()
        delete_all_files()
