"""The isolation strategy: shared tables with PostgreSQL's row-level security."""

from config.settings.apps import SHARED_APPS, TENANT_APPS
from config.settings.database import OWNER_CONNECTION, RUN_TIME_CONNECTION

INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]

DATABASES = {
    "default": {**RUN_TIME_CONNECTION, "ENGINE": "apps.isolation.strategy.backends.runtime"},
    "owner": {**OWNER_CONNECTION, "ENGINE": "apps.isolation.strategy.backends.owner"},
}
DATABASE_ROUTERS = ["apps.isolation.strategy.routers.TenantRouter"]

SHARED_DB = "default"
# Foreign keys can refer to shared data, which is in the same database.
SHARED_DB_CONSTRAINTS = True

# True if this process can create tenants. A tenant is only a row here, so every server can.
CAN_PROVISION = True
