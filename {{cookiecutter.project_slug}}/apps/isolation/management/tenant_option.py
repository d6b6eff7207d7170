"""``manage.py … --tenant SLUG`` runs a command inside a tenant.

manage.py imports this module before the settings, so it must not need them on import.
"""

from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

from apps.isolation.context import tenant_context
from apps.isolation.exceptions import TenantUnavailableError

OF_ROWS: Final = {"dbshell", "dumpdata", "inspectdb", "loaddata", "shell"}
"""Commands of Django that read or write rows of models, also where this app overrides them."""

OF_ALL: Final = ("django.", "apps.", "devtools")
"""Packages whose other commands work for all tenants, or for one that they name."""


class TenantManagementUtility(ManagementUtility):
    """Django's command line, with ``--tenant`` for every command that may access tenant data."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Return the command, with ``--tenant`` unless it is a platform command."""
        command: BaseCommand = super().fetch_command(subcommand)
        if not takes_tenant(subcommand):
            return command
        own = type(command)
        bases = (TenantOptionMixin, own)
        names = {"__module__": own.__module__, "__doc__": own.__doc__}
        with_option: BaseCommand = type("Command", bases, names)()
        return with_option


def takes_tenant(name: str) -> bool:
    """Return whether a command may access rows: of TENANT_APPS, of packages, and `OF_ROWS`."""
    app = get_commands().get(name, "")
    return name in OF_ROWS or app in settings.TENANT_APPS or not app.startswith(OF_ALL)


class TenantOptionMixin(BaseCommand):
    """Adds ``--tenant`` to a command, unless the command defines such an option."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the option after the command's own options."""
        super().add_arguments(parser)
        if "--tenant" not in parser._option_string_actions:  # noqa: SLF001 - argparse offers no other way
            text = "Run in this tenant. Without it, only shared data is accessible."
            parser.add_argument("--tenant", metavar="SLUG", dest="active_tenant", help=text)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command inside the tenant; raise CommandError if it cannot be entered."""
        if not (slug := options.pop("active_tenant", None)):
            return super().execute(*args, **options)
        if options.get("database") not in {None, DEFAULT_DB_ALIAS}:
            message = "--tenant selects the connection: omit --database."
            raise CommandError(message)
        with _entered(slug):
            return super().execute(*args, **options)


def _entered(slug: str) -> tenant_context:
    tenant = apps.get_model(settings.TENANT_MODEL)._default_manager.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"There is no tenant {slug!r}.")
    try:
        return tenant_context(tenant)
    except TenantUnavailableError as error:
        raise CommandError(str(error)) from error
