"""The environment: real variables first, then the project's `.env`, which never overrides them."""

from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

# The name of a variable that development tools set (`devtools.embedded_postgres`).
EMBEDDED_DATABASE_URL = "EMBEDDED_DATABASE_URL"

env = environ.Env()
env.read_env(BASE_DIR / ".env")
