"""The owner's connection, which creates tenants' tables."""

from django_tenants.postgresql_backend import base as django_tenants

from apps.isolation.strategy.schema_editor import TenantSchemaEditor


class DatabaseWrapper(django_tenants.DatabaseWrapper):
    """django-tenants' backend with the schema editor for tenants' tables."""

    SchemaEditorClass = TenantSchemaEditor
