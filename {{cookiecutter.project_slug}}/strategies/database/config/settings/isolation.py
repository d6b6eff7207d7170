"""How tenants are kept apart: a PostgreSQL database for each, and one for the shared data."""

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
        # The active tenant's database, or the shared one; the engine decides at each use.
        "default": {**RUN_TIME_CONNECTION, "ENGINE": "apps.isolation.strategy.backends.runtime"},
        "shared": {
            **RUN_TIME_CONNECTION,
            "ENGINE": "apps.isolation.strategy.backends.shared",
            # Held between transactions, such a cursor would be lost behind a pooler, which gives
            # every transaction another connection.
            "DISABLE_SERVER_SIDE_CURSORS": True,
            # The test database is made by its owner and used by the run-time role.
            "TEST": {"MIRROR": "owner"},
        },
        "owner": {
            **OWNER_CONNECTION,
            "ENGINE": "apps.isolation.strategy.backends.owner",
            "TEST": {"DEPENDENCIES": []},
        },
    },
    # Never from a pool, since each tenant would have one, for ever; a bounded number for each
    # thread instead.
    of_tenants={
        "ENGINE": "apps.isolation.strategy.backends.tenant",
        "CONN_MAX_AGE": KEPT_CONNECTION["CONN_MAX_AGE"],
        "OPTIONS": KEPT_CONNECTION["OPTIONS"],
    },
)
DATABASE_ROUTERS = ["apps.isolation.strategy.routers.TenantRouter"]

# Each tenant's password is derived from this secret. The server of development has a random
# password that does as well; every other server needs a secret of its own.
DATABASE_TENANT_SECRET = env.DATABASE_TENANT_SECRET
if not DATABASE_TENANT_SECRET:
    if os.environ.get(EMBEDDED_DATABASE_URL, "") != env.DATABASE_URL:
        sys.exit("DATABASE_TENANT_SECRET is missing: tenants' passwords are derived from it.")
    DATABASE_TENANT_SECRET = RUN_TIME_CONNECTION.get("PASSWORD", "")

# Tenants' connections that one thread keeps open; the least recently used is closed first.
TENANT_CONNECTIONS = env.TENANT_CONNECTIONS

# Connections to one tenant's database, of all servers together; 0 lifts the limit. Each thread of
# a server may keep one.
TENANT_MOST_CONNECTIONS = env.TENANT_MOST_CONNECTIONS

SHARED_DB = "shared"
# No foreign key reaches from one database into another.
SHARED_DB_CONSTRAINTS = False

# Whether this process can make tenants: databases and roles are the owner's to make.
CAN_PROVISION = bool(OWNER_CONNECTION["NAME"])

# Compare each tenant's tables with the template, and its limits with those that are wanted.
TENANT_HEALTH_CHECKS = [
    "apps.isolation.fleet.drift.find_drift",
    "apps.isolation.strategy.limits.find_weaker_limits",
]
