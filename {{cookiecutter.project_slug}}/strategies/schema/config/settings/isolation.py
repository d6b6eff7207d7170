"""The isolation strategy: a PostgreSQL schema for each tenant, with django-tenants."""

from config.settings.apps import SHARED_APPS, TENANT_APPS
from config.settings.database import OWNER_CONNECTION, RUN_TIME_CONNECTION

# django-tenants is only a library here, not an installed app. It has no models, and its commands
# (migrate, clone_tenant, tenant_command, ...) would bypass isolation.
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]

DATABASES = {
    "default": {**RUN_TIME_CONNECTION, "ENGINE": "apps.isolation.strategy.backends.runtime"},
    "owner": {**OWNER_CONNECTION, "ENGINE": "apps.isolation.strategy.backends.owner"},
}
DATABASE_ROUTERS = [
    "apps.isolation.strategy.routers.TenantRouter",
    "django_tenants.routers.TenantSyncRouter",
]

SHARED_DB = "default"
# Foreign keys to shared data have no constraint, which would be two triggers per key and tenant.
SHARED_DB_CONSTRAINTS = False

TENANT_DOMAIN_MODEL = "tenants.Domain"
# The owner's connection creates and migrates schemas.
TENANT_DB_ALIAS = "owner"

# True if this process can create tenants. Only the owner can create schemas.
CAN_PROVISION = bool(OWNER_CONNECTION["NAME"])

# Compare each tenant's tables with the template.
TENANT_HEALTH_CHECKS = ["apps.isolation.fleet.drift.find_drift"]
