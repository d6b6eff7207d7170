#!/usr/bin/env python
"""Django's command line, with a database of its own in development."""

import os
import sys
from importlib.util import find_spec

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import NotSupportedError, OperationalError

from apps.observability.telemetry import start_telemetry
from config.env import env

PRODUCTION = "config.settings.production"


def main() -> None:
    """Run a command; production settings get no embedded database and ask for `DATABASE_URL`."""
    settings = os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    if not any(word.removeprefix("--settings=") == PRODUCTION for word in (settings, *sys.argv)):
        start_database()
    start_telemetry(env, serves=False)
    try:
        execute_from_command_line(sys.argv)
    except (OperationalError, NotSupportedError) as error:
        if getattr(error.__cause__, "sqlstate", None):
            raise
        # Down, wrong password, too old: what the connection says is the whole story.
        sys.exit(f"The database of DATABASE_URL or DATABASE_OWNER_URL: {error}")
    except ImproperlyConfigured as error:
        if env.str("DATABASE_OWNER_URL", default=""):
            raise
        sys.exit(f"DATABASE_OWNER_URL is not set, the address for the owner of the tables. {error}")


def start_database() -> None:
    """Start or join the PostgreSQL of development, unless `DATABASE_URL` names one."""
    if find_spec("devtools") is None:
        return  # the production image has none
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
