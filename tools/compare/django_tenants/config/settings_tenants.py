"""The plain project, made multi-tenant as the tutorial of django-tenants does it.

https://django-tenants.readthedocs.io/en/latest/install.html
"""

from config.settings import *

SHARED_APPS = ["django_tenants", "apps.customers", *INSTALLED_APPS[:-1]]
TENANT_APPS = [INSTALLED_APPS[-1]]
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]
TENANT_MODEL = "customers.Client"
TENANT_DOMAIN_MODEL = "customers.Domain"
DATABASES["default"]["ENGINE"] = "django_tenants.postgresql_backend"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
MIDDLEWARE = ["django_tenants.middleware.main.TenantMainMiddleware", *MIDDLEWARE]
