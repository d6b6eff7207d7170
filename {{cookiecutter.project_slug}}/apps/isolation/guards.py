"""Questions to the database about the wall; each answers with what is wrong, or with nothing."""

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections

from apps.isolation.placement import CATALOGUE


def refuse_to_serve_with_powers() -> None:
    """Raise ImproperlyConfigured if ``DATABASE_URL`` names a role that stands above the wall.

    For servers, when they start. A database that cannot be reached is not judged now: the
    readiness probe judges it later, and until then nobody sends requests.
    """
    try:
        powers = powers_of_run_time_role()
    except OperationalError:
        return
    if powers:
        message = (
            f"The role of DATABASE_URL {powers[0]}, and a server must not: use a role that may "
            "read and write rows and nothing else, and DATABASE_OWNER_URL for migrate."
        )
        raise ImproperlyConfigured(message)


def powers_of_run_time_role(alias: str = CATALOGUE) -> list[str]:
    """Return what the role of a connection may do beyond reading and writing rows."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_POWERS)
        return [power for (power,) in cursor.fetchall()]


_POWERS = """
SELECT attribute FROM pg_roles,
    LATERAL (VALUES ('is a superuser', rolsuper), ('bypasses policies', rolbypassrls),
                    ('creates roles', rolcreaterole), ('creates databases', rolcreatedb),
                    ('replicates', rolreplication)) AS attributes (attribute, holds)
WHERE rolname = current_user AND holds
UNION ALL
SELECT 'owns ' || c.oid::regclass FROM pg_class c
WHERE pg_has_role(c.relowner, 'USAGE') AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
UNION ALL
SELECT 'is a member of ' || r.rolname FROM pg_roles r
WHERE r.rolname <> current_user AND pg_has_role(r.oid, 'MEMBER')
UNION ALL
SELECT 'may create in schema ' || n.nspname FROM pg_namespace n
WHERE n.nspname !~ '^pg_' AND has_schema_privilege(n.oid, 'CREATE')
UNION ALL
SELECT format('may %s %s', lower(privilege), c.oid::regclass)
FROM pg_class c, unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
WHERE c.relkind IN ('r', 'p') AND c.relnamespace NOT IN (
        'pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    AND has_table_privilege(c.oid, privilege)
ORDER BY 1
"""
