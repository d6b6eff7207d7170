#!/usr/bin/env python
"""Django's command line, with an embedded database in development."""

import os
import sys
from contextlib import suppress
from importlib.util import find_spec

# Before slow imports.
sys.excepthook = lambda kind, error, trace: (
    # Ctrl-C is not an error: only the exit status reports it.
    None if issubclass(kind, KeyboardInterrupt) else sys.__excepthook__(kind, error, trace)
)

from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, CommandParser
from django.core.management.base import handle_default_options
from django.db import NotSupportedError, OperationalError

from apps.isolation.management.tenant_option import TenantManagementUtility
from apps.observability.telemetry import start_telemetry
from config.reading import read

PRODUCTION = "config.settings.production"
# Django's message about a connection without an address.
NAMELESS = "Please supply the NAME"
# Codes of errors that no statement has caused: resources, shutdowns, files; none without a
# connection (https://www.postgresql.org/docs/current/errcodes-appendix.html).
OF_THE_SERVER = ("53", "57P", "58")


def main() -> None:
    """Run a command; production settings get no embedded database and ask for `DATABASE_URL`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    choose_settings()
    if os.environ["DJANGO_SETTINGS_MODULE"] != PRODUCTION:
        start_database()
    start_telemetry(serves=False)
    try:
        TenantManagementUtility(sys.argv).execute()
    except (OperationalError, NotSupportedError) as error:
        code = getattr(error.__cause__, "sqlstate", None)
        if code and not code.startswith(OF_THE_SERVER):
            raise
        # Its own message suffices: server down, wrong password, version too old, disk full.
        message = " ".join(str(error).splitlines())
        sys.exit(f"The database of DATABASE_URL or DATABASE_OWNER_URL: {message}")
    except ImproperlyConfigured as error:
        missing = missing_addresses()
        if not missing or NAMELESS not in str(error):
            raise
        sys.exit(f"{' and '.join(missing)} must be set for this command: docs/settings.md.")


def choose_settings() -> None:
    """Apply ``--settings`` before Django does, since the code below depends on it."""
    parser = CommandParser(add_help=False, allow_abbrev=False, called_from_command_line=False)
    parser.add_argument("--settings")
    parser.add_argument("--pythonpath")
    with suppress(CommandError):  # Django reports the error
        handle_default_options(parser.parse_known_args(sys.argv[1:])[0])


def missing_addresses() -> list[str]:
    """Return the unset variables of database addresses."""
    variables = read()
    addresses = ("DATABASE_URL", "DATABASE_OWNER_URL")
    return [name for name in addresses if not getattr(variables, name)]


def start_database() -> None:
    """Start or join the embedded PostgreSQL, unless `DATABASE_URL` is set."""
    if find_spec("devtools") is None:
        return  # the production image has no devtools
    from devtools.embedded_postgres import (  # noqa: PLC0415
        EmbeddedPostgresError,
        configure_environment,
    )

    try:
        configure_environment()
    except EmbeddedPostgresError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
