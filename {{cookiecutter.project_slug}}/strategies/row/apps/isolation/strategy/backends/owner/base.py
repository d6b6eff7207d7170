"""The owner's connection, whose migrations add the tenant to every tenant table."""

from django.db.backends.postgresql import base as postgresql

from apps.isolation.strategy.schema_editor import TenantIntrospection, TenantSchemaEditor


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """Django's backend with the schema editor and the introspection for tenant tables."""

    SchemaEditorClass = TenantSchemaEditor
    introspection_class = TenantIntrospection
