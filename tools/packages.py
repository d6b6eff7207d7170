"""Try packages from the index in a project's TENANT_APPS: `nox -s "packages(row)"`.

Run in a generated project, in an environment with its tools and the packages:
``python packages.py STRATEGY``. It adds an app that uses them, creates its migration, and runs its
tests over two tenants with equal values.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("packages_app")
APP = Path("studio")
ENVIRONMENT = {**os.environ, "DJANGO_SETTINGS_MODULE": "studio.settings"}

# Deprecated features of Django that packages use.
QUIET = ("-W", "ignore::DeprecationWarning", "-W", "ignore::PendingDeprecationWarning")

# Relations that a strategy refuses, when all packages are listed as they come.
REFUSED = {
    "database": [
        "waffle.Flag.users",
        "waffle.Flag.groups",
        "guardian.UserObjectPermission.permission",
        "guardian.GroupObjectPermission.permission",
    ]
}


def run(*arguments: str) -> None:
    """Run Python; it must succeed."""
    done = subprocess.run([sys.executable, *arguments], env=ENVIRONMENT, check=False)
    if done.returncode:
        sys.exit(f"FAILED  {' '.join(arguments)}")
    print(f"ok  {' '.join(arguments)}", flush=True)


def refuse(relations: list[str]) -> None:
    """Check the project with all packages as they come; it must refuse these relations."""
    command = [sys.executable, "manage.py", "check", "--settings=studio.all_settings"]
    done = subprocess.run(command, env=ENVIRONMENT, check=False, capture_output=True, text=True)
    for relation in relations:
        if f"{relation} refers" not in done.stderr or "isolation.E003" not in done.stderr:
            sys.exit(f"FAILED  manage.py check accepts {relation}:\n{done.stderr}")
        print(f"ok  manage.py check refuses {relation}", flush=True)


def main() -> None:
    shutil.rmtree(APP, ignore_errors=True)
    shutil.copytree(SOURCE, APP)
    refuse(REFUSED.get(sys.argv[1], []))
    run("manage.py", "makemigrations", "--verbosity=0", "studio")
    run("manage.py", "makemigrations", "--check", "--dry-run", "--verbosity=0")
    options = ("-q", "--ds=studio.settings", "--create-db", *QUIET)
    tests = ("studio", "tests/isolation/test_database.py", "-k", "packages or invariant_holds")
    run("-m", "pytest", *options, *tests)


if __name__ == "__main__":
    main()
