"""The run-time connection: PostgreSQL, with the search path of the active tenant."""

from typing import Any, NoReturn

from django.db.backends.postgresql import base as postgresql
from django_tenants.postgresql_backend import base as django_tenants

from apps.isolation.context import ActiveTenant, current_tenant
from apps.isolation.postgresql.client import TenantClient
from apps.isolation.postgresql.cursors import ContextSession, ContextWrapperMixin
from apps.isolation.strategy.naming import ADVICE, PUBLIC, physical_name


class SearchPathSession(ContextSession):
    """Enters a tenant by the search path: its schema, then the shared data."""

    def context_statement(self, tenant: ActiveTenant | None) -> str:
        """Return the SET LOCAL of the search path."""
        if tenant is None:
            return f"SET LOCAL search_path = {PUBLIC};"
        return f"SET LOCAL search_path = {physical_name(tenant.id)}, {PUBLIC};"


class SchemaClient(TenantClient):
    """psql whose session looks for tables in the active tenant's schema."""

    @staticmethod
    def preset(tenant: ActiveTenant) -> str:
        """Return the search path."""
        return f"search_path={physical_name(tenant.id)},{PUBLIC}"


class DatabaseWrapper(ContextWrapperMixin, django_tenants.DatabaseWrapper):
    """django-tenants' backend, except that the search path follows the context variable.

    django-tenants keeps the schema in the connection object, sets it by a statement of its own
    for the whole session, and so loses it between threads, in async views and behind a pooler.
    """

    client_class = SchemaClient
    context_session = SearchPathSession

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Past django-tenants' own __init__, which would set a schema on the connection.
        postgresql.DatabaseWrapper.__init__(self, *args, **kwargs)

    @property
    def schema_name(self) -> str:  # type: ignore[override] # an attribute in django-tenants
        """Name of the schema that statements go to now."""
        tenant = current_tenant()
        return PUBLIC if tenant is None else physical_name(tenant.id)

    @property
    def tenant(self) -> NoReturn:  # type: ignore[override] # an attribute in django-tenants
        """Refuse what django-tenants' own context managers read first."""
        raise NotImplementedError(ADVICE)

    def set_tenant(self, tenant: object, include_public: bool = True) -> NoReturn:
        """Refuse django-tenants' way to switch, which would switch nothing here."""
        raise NotImplementedError(ADVICE)

    def _handle_search_path(self, cursor: object = None) -> None:
        """Do not send what django-tenants would: the statement itself carries the search path."""
