"""``dbshell``: psql in the active tenant."""

from typing import Any

from django.db.backends.postgresql.client import DatabaseClient

from apps.isolation.context import ActiveTenant, current_tenant


class TenantClient(DatabaseClient):
    """Starts psql with the session of the active tenant.

    Nothing is sent in front of each statement here, so the session has the tenant for its life. The
    connection is direct: behind PgBouncer it would serve somebody else next.
    """

    @staticmethod
    def preset(tenant: ActiveTenant) -> str:
        """Return the setting by which a session enters ``tenant``, as ``name=value``."""
        raise NotImplementedError

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Any
    ) -> tuple[list[str], dict[str, str] | None]:
        """Add the tenant to the environment of psql."""
        args, env = super().settings_to_cmd_args_env(settings_dict, parameters)
        if tenant := current_tenant():
            env = {**(env or {}), "PGOPTIONS": f"-c {cls.preset(tenant)}"}
        return args, env
