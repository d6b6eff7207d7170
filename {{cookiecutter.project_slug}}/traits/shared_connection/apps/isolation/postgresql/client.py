"""``dbshell``: psql in the active tenant."""

from collections.abc import Iterable

from django.db.backends.postgresql.client import DatabaseClient

from apps.isolation.context import ActiveTenant, current_tenant


class TenantClient(DatabaseClient):
    """Starts psql with the active tenant preset for the whole session.

    psql cannot send the tenant with each statement. Connect it directly: behind PgBouncer, the
    connection would serve another client next.
    """

    @staticmethod
    def preset(tenant: ActiveTenant) -> str:
        """Return the setting by which a session enters ``tenant``, as ``name=value``."""
        raise NotImplementedError

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, object], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """Add the tenant to the environment of psql."""
        args, env = super().settings_to_cmd_args_env(settings_dict, parameters)
        if tenant := current_tenant():
            env = {**(env or {}), "PGOPTIONS": f"-c {cls.preset(tenant)}"}
        return args, env
