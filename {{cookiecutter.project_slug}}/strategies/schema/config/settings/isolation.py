"""How tenants are kept apart: a PostgreSQL schema for each, by django-tenants."""

from config.settings.apps import SHARED_APPS, TENANT_APPS
from config.settings.database import OWNER_CONNECTION, RUN_TIME_CONNECTION

# django-tenants is used as a library and is no app: it has no models, and its commands (migrate,
# clone_tenant, tenant_command, ...) would bypass the isolation.
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]

DATABASES = {
    "default": {**RUN_TIME_CONNECTION, "ENGINE": "apps.isolation.strategy.backends.runtime"},
    "owner": {**OWNER_CONNECTION, "ENGINE": "django_tenants.postgresql_backend"},
}
DATABASE_ROUTERS = [
    "apps.isolation.strategy.routers.TenantRouter",
    "django_tenants.routers.TenantSyncRouter",
]

SHARED_DB = "default"
# Shared data is in the schema public of the same database, so foreign keys can reach it.
SHARED_DB_CONSTRAINTS = True

TENANT_DOMAIN_MODEL = "tenants.Domain"
# Schemas are made and migrated over the owner's connection only.
TENANT_DB_ALIAS = "owner"

# Whether this process can make tenants: schemas are the owner's to make.
CAN_PROVISION = bool(OWNER_CONNECTION["NAME"])

# Compare each tenant's tables with the template.
TENANT_HEALTH_CHECKS = ["apps.isolation.fleet.drift.find_drift"]
