"""The isolation strategy: a PostgreSQL database for each tenant, and one for shared data."""

import os
import sys

from apps.isolation.strategy.databases import Databases
from config.env import EMBEDDED_DATABASE_URL
from config.reading import read
from config.settings.apps import SHARED_APPS, TENANT_APPS
from config.settings.database import KEPT_CONNECTION, OWNER_CONNECTION, RUN_TIME_CONNECTION

env = read()

INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]

DATABASES = Databases(
    {
        # The active tenant's database, or the shared one. The engine decides at each use.
        "default": {**RUN_TIME_CONNECTION, "ENGINE": "apps.isolation.strategy.backends.runtime"},
        "shared": {
            **RUN_TIME_CONNECTION,
            "ENGINE": "apps.isolation.strategy.backends.shared",
            # Behind a pooler, a cursor that is open between transactions would be lost, since each
            # transaction may get another connection.
            "DISABLE_SERVER_SIDE_CURSORS": True,
            # The owner creates the test database; the run-time role uses it.
            "TEST": {"MIRROR": "owner"},
        },
        "owner": {
            **OWNER_CONNECTION,
            "ENGINE": "apps.isolation.strategy.backends.owner",
            "TEST": {"DEPENDENCIES": []},
        },
    },
    # No pool, since each tenant would need its own. Each thread keeps a limited number of
    # connections instead.
    of_tenants={
        "ENGINE": "apps.isolation.strategy.backends.tenant",
        "CONN_MAX_AGE": KEPT_CONNECTION["CONN_MAX_AGE"],
        "OPTIONS": KEPT_CONNECTION["OPTIONS"],
    },
)
DATABASE_ROUTERS = ["apps.isolation.strategy.routers.TenantRouter"]

# Each tenant's password is derived from this secret. In development the server's random password
# is the default; every other server needs its own secret.
DATABASE_TENANT_SECRET = env.DATABASE_TENANT_SECRET
if not DATABASE_TENANT_SECRET:
    if os.environ.get(EMBEDDED_DATABASE_URL, "") != env.DATABASE_URL:
        sys.exit("DATABASE_TENANT_SECRET is missing: tenants' passwords are derived from it.")
    DATABASE_TENANT_SECRET = RUN_TIME_CONNECTION.get("PASSWORD", "")

# The number of tenants' connections that a thread keeps. The least recently used is closed first.
TENANT_CONNECTIONS = env.TENANT_CONNECTIONS

# The limit of connections to one tenant's database, of all servers together. 0: no limit. Each
# thread of a server may keep one.
TENANT_MOST_CONNECTIONS = env.TENANT_MOST_CONNECTIONS

SHARED_DB = "shared"
# Foreign keys cannot refer to another database.
SHARED_DB_CONSTRAINTS = False

# True if this process can create tenants. Only the owner can create databases and roles.
CAN_PROVISION = bool(OWNER_CONNECTION["NAME"])

# Compare each tenant's tables with the template, and its limits with the configured ones.
TENANT_HEALTH_CHECKS = [
    "apps.isolation.fleet.drift.find_drift",
    "apps.isolation.strategy.limits.find_weaker_limits",
]
