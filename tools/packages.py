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

# Apps that a strategy refuses, by the id of the check.
REFUSED = {"database": "isolation.E003"}


def run(*arguments: str) -> None:
    """Run Python; it must succeed."""
    done = subprocess.run([sys.executable, *arguments], env=ENVIRONMENT, check=False)
    if done.returncode:
        sys.exit(f"FAILED  {' '.join(arguments)}")
    print(f"ok  {' '.join(arguments)}", flush=True)


def be_refused(number: str) -> None:
    """Check the project; this check must fail."""
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, env=ENVIRONMENT, check=False, capture_output=True, text=True)
    if done.returncode == 0 or number not in done.stderr:
        sys.exit(f"FAILED  manage.py check does not say {number}:\n{done.stderr}")
    print(f"ok  manage.py check says {number}", flush=True)


def main() -> None:
    shutil.rmtree(APP, ignore_errors=True)
    shutil.copytree(SOURCE, APP)
    if number := REFUSED.get(sys.argv[1]):
        be_refused(number)
        return
    run("manage.py", "makemigrations", "--verbosity=0", "studio")
    options = ("-q", "--ds=studio.settings", "--create-db", *QUIET)
    tests = ("studio", "tests/isolation/test_database.py", "-k", "packages or invariant_holds")
    run("-m", "pytest", *options, *tests)


if __name__ == "__main__":
    main()
