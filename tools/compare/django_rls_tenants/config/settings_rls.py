"""The plain project, made multi-tenant as the tutorial of django-rls-tenants does it.

https://dvoraj75.github.io/django-rls-tenants/
"""

from config.settings import *

INSTALLED_APPS += ["apps.customers", "django_rls_tenants"]
RLS_TENANTS = {"TENANT_MODEL": "customers.Tenant", "TENANT_PK_TYPE": "bigint"}
MIDDLEWARE += ["django_rls_tenants.RLSTenantMiddleware"]
REST_FRAMEWORK["DEFAULT_PERMISSION_CLASSES"] += [
    "django_rls_tenants.contrib.drf.RLSTenantPermission"
]
