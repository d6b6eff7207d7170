"""How tenants are kept apart: by the rows' tenant, with PostgreSQL's row-level security."""

from config.settings.apps import SHARED_APPS, TENANT_APPS
from config.settings.database import OWNER_CONNECTION, RUN_TIME_CONNECTION

INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]

DATABASES = {
    "default": {**RUN_TIME_CONNECTION, "ENGINE": "apps.isolation.strategy.backends.runtime"},
    "owner": {**OWNER_CONNECTION, "ENGINE": "apps.isolation.strategy.backends.owner"},
}
DATABASE_ROUTERS = ["apps.isolation.strategy.routers.TenantRouter"]

SHARED_DB = "default"
# Shared data and tenants' rows are in the same database, so foreign keys can reach across.
SHARED_DB_CONSTRAINTS = True

# Whether this process can make tenants: their rows need no place that only the owner could make.
CAN_PROVISION = True
