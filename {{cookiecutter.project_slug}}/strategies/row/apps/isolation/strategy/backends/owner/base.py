"""The owner's connection: migrations give every tenant table the tenant."""

from django.db.backends.postgresql import base as postgresql

from apps.isolation.strategy.schema_editor import TenantIntrospection, TenantSchemaEditor


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """Django's backend, with a schema editor that knows of tenants."""

    SchemaEditorClass = TenantSchemaEditor
    introspection_class = TenantIntrospection
