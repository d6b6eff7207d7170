"""The run-time connection, which uses the search path of the active tenant."""

from typing import Any, NoReturn

from django.db import DEFAULT_DB_ALIAS
from django.db.backends.postgresql import base as postgresql
from django_tenants.postgresql_backend import base as django_tenants

from apps.isolation.context import ActiveTenant, current_tenant
from apps.isolation.postgresql.client import TenantClient
from apps.isolation.postgresql.cursors import ContextSession, ContextWrapperMixin
from apps.isolation.strategy.naming import ADVICE, PUBLIC, physical_name


class SearchPathSession(ContextSession):
    """A session with the search path of a tenant: its schema, then the shared schema."""

    def context_statement(self, tenant: ActiveTenant | None) -> str:
        """Return the SET LOCAL of the search path."""
        if tenant is None:
            return f"SET LOCAL search_path = {PUBLIC};"
        return f"SET LOCAL search_path = {physical_name(tenant.id)}, {PUBLIC};"


class SchemaClient(TenantClient):
    """psql with the search path of the active tenant."""

    @staticmethod
    def preset(tenant: ActiveTenant) -> str:
        """Return the search path."""
        return f"search_path={physical_name(tenant.id)},{PUBLIC}"


class DatabaseWrapper(ContextWrapperMixin, django_tenants.DatabaseWrapper):
    """django-tenants' backend with a search path that follows the context variable.

    django-tenants stores the schema in the connection object and sets it for the whole session. So
    it loses the schema between threads, in async views and behind a pooler.
    """

    client_class = SchemaClient
    context_session = SearchPathSession
    introspection: Any  # Django's, and not the one of django-tenants

    def __init__(self, settings_dict: dict[str, object], alias: str = DEFAULT_DB_ALIAS) -> None:
        # Skip django-tenants' __init__, which would set a schema on the connection.
        postgresql.DatabaseWrapper.__init__(self, settings_dict, alias)

    @property
    def schema_name(self) -> str:  # type: ignore[override] # an attribute in django-tenants
        """The name of the schema that statements use now."""
        tenant = current_tenant()
        return PUBLIC if tenant is None else physical_name(tenant.id)

    @property
    def tenant(self) -> NoReturn:  # type: ignore[override] # an attribute in django-tenants
        """Raise an error, so that django-tenants' context managers fail."""
        raise NotImplementedError(ADVICE)

    def set_tenant(self, tenant: object, include_public: bool = True) -> NoReturn:
        """Raise an error, since django-tenants' method would have no effect here."""
        raise NotImplementedError(ADVICE)

    def _handle_search_path(self, cursor: object = None) -> None:
        """Send nothing, since each statement includes the search path."""
