"""How tenants are kept apart: a PostgreSQL database for each, and one for the shared data."""

from django.core.exceptions import ImproperlyConfigured

from apps.isolation.strategy.databases import Databases
from config.env import EMBEDDED_DATABASE_URL, env
from config.settings.apps import SHARED_APPS, TENANT_APPS
from config.settings.database import KEPT_CONNECTION, OWNER_CONNECTION, RUN_TIME_CONNECTION

INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]

DATABASES = Databases(
    {
        # The active tenant's database, or the shared one; the engine decides at each use.
        "default": {**RUN_TIME_CONNECTION, "ENGINE": "apps.isolation.strategy.backends.runtime"},
        "shared": {
            **RUN_TIME_CONNECTION,
            "ENGINE": "django.db.backends.postgresql",
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
DATABASE_TENANT_SECRET = env.str("DATABASE_TENANT_SECRET", default="")
if not DATABASE_TENANT_SECRET:
    if env.str("DATABASE_URL", default="") != env.str(EMBEDDED_DATABASE_URL, default=""):
        raise ImproperlyConfigured(
            "Set DATABASE_TENANT_SECRET to a long random text: tenants' passwords come from it."
        )
    DATABASE_TENANT_SECRET = RUN_TIME_CONNECTION.get("PASSWORD", "")

# Tenants' connections that one thread keeps open; the least recently used is closed first.
TENANT_CONNECTIONS = max(1, env.int("TENANT_CONNECTIONS", default=20))

SHARED_DB = "shared"
# No foreign key reaches from one database into another.
SHARED_DB_CONSTRAINTS = False

# Whether this process can make tenants: databases and roles are the owner's to make.
CAN_PROVISION = bool(OWNER_CONNECTION["NAME"])

# Compare each tenant's tables with the template.
TENANT_HEALTH_CHECKS = ["apps.isolation.fleet.drift.find_drift"]
