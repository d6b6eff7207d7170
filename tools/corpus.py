"""Run the conformance suite on models of every kind: `nox -s "corpus(row)"`.

Run in a generated project, in an environment with its tools: ``python corpus.py``. It adds an app
with about forty models to TENANT_APPS, creates its migration, and runs the tests of each model.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("corpus_app")
APP = Path("corpus")
SETTINGS = "corpus.settings"

# The tests that have a model as their parameter, and those that use rows of all models.
TESTS = ("tests/isolation", "tests/test_indexes.py")
CHOSEN = "corpus or number_of_statements or models_exist or invariant_holds"


def run(*arguments: str) -> None:
    """Run Python; it must succeed."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS}
    done = subprocess.run([sys.executable, *arguments], env=environment, check=False)
    if done.returncode:
        sys.exit(f"FAILED  {' '.join(arguments)}")


def main() -> None:
    shutil.rmtree(APP, ignore_errors=True)
    shutil.copytree(SOURCE, APP)
    run("manage.py", "makemigrations", "--verbosity=0", "corpus")
    run("manage.py", "makemigrations", "--check", "--dry-run", "--verbosity=0")
    parallel = ("--numprocesses=auto", "--dist=worksteal")
    run("-m", "pytest", "-q", f"--ds={SETTINGS}", "--create-db", *parallel, *TESTS, "-k", CHOSEN)


if __name__ == "__main__":
    main()
