"""The objects in schemas, and their dependencies."""

from collections.abc import Iterable

# All objects in the schemas, and all that depend on them, without members of extensions.
_COMMON = """
RECURSIVE schemas AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname IN ({})
), held (classid, objid, schema) AS (
    SELECT d.classid, d.objid, s.oid FROM schemas s
    JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = s.oid
    WHERE NOT EXISTS (SELECT FROM pg_depend e
        WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')
    UNION
    SELECT d.classid, d.objid, h.schema
    FROM held h JOIN pg_depend d ON d.refclassid = h.classid AND d.refobjid = h.objid
    WHERE d.deptype <> 'e'
), relations AS MATERIALIZED (
    SELECT c.* FROM held JOIN pg_class c ON c.oid = objid AND c.relnamespace = schema
    WHERE classid = 'pg_class'::regclass
), types AS MATERIALIZED (
    SELECT y.* FROM held JOIN pg_type y ON y.oid = objid AND y.typnamespace = schema
    WHERE classid = 'pg_type'::regclass
), constraints AS MATERIALIZED (
    SELECT k.* FROM held JOIN pg_constraint k ON k.oid = objid AND k.connamespace = schema
    WHERE classid = 'pg_constraint'::regclass
), functions AS MATERIALIZED (
    SELECT p.* FROM held JOIN pg_proc p ON p.oid = objid AND p.pronamespace = schema
    WHERE classid = 'pg_proc'::regclass AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
), calling AS (
    -- Objects that call a function of the schema, which may in turn need a table.
    SELECT DISTINCT d.classid, d.objid FROM functions f
    JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = f.oid
), owned_sequences AS (
    SELECT d.objid, d.refobjid, d.refobjsubid, d.deptype FROM relations s
    JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid
    WHERE s.relkind = 'S' AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
)
"""


def common(schemas: Iterable[str] = ()) -> str:
    """Return the queries that all others use, for these schemas.

    Without names, they are for the first schema of the search path.
    """
    return _COMMON.format(", ".join(f"'{each}'" for each in schemas) or "current_schema()")


# Dependencies: 2 for an internal part of the other object, 1 for another part, 0 for none. A
# sequence is created before the table that owns it, and a foreign key after all tables. Partitions
# and their indexes are attached by separate statements.
DEPENDENCIES = """
SELECT d.classid::int8, d.objid::int8, d.refclassid::int8, d.refobjid::int8,
    CASE d.deptype WHEN 'i' THEN 2 WHEN 'a' THEN 1 ELSE 0 END
FROM held h JOIN pg_depend d ON d.classid = h.classid AND d.objid = h.objid
LEFT JOIN owned_sequences s
    ON d.classid = 'pg_class'::regclass AND s.objid = d.objid AND s.deptype = 'a'
WHERE s.objid IS NULL AND d.deptype <> 'P' AND NOT EXISTS (
    SELECT FROM constraints k
    WHERE d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.contype = 'f')
UNION
SELECT 'pg_inherits'::regclass::int8, c.oid::int8, 'pg_class'::regclass::int8, needed::int8, 0
FROM relations c JOIN pg_inherits i ON i.inhrelid = c.oid,
    unnest(ARRAY[i.inhrelid, i.inhparent]) AS needed
WHERE c.relispartition AND c.relkind IN ('r', 'p')
"""

# An allow-list: all other kinds of objects are refused, also those of later PostgreSQL versions.
UNCOPYABLE = """,
foreign_owned AS (
    SELECT d.classid, d.objid FROM held h
    JOIN pg_shdepend d ON d.classid = h.classid AND d.objid = h.objid AND d.deptype = 'o'
        AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    WHERE d.refobjid <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
), allowed (classid, objid) AS (
    SELECT 'pg_class'::regclass, oid FROM relations c
    WHERE relkind IN ('i', 'I', 'S', 'v', 'm', 'c')
        OR relkind IN ('r', 'p') AND reloftype = 0
        AND NOT (relrowsecurity OR relforcerowsecurity)
        AND (relispartition OR NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid))
    UNION ALL
    SELECT 'pg_class'::regclass, unnest(ARRAY[t.oid, i.indexrelid])
    FROM relations c JOIN pg_class t ON t.oid = c.reltoastrelid
    JOIN pg_index i ON i.indrelid = t.oid
    UNION ALL
    SELECT 'pg_type'::regclass, oid FROM types
    WHERE typtype IN ('e', 'd', 'c', 'r', 'm') OR typcategory = 'A'
    UNION ALL
    SELECT 'pg_proc'::regclass, oid FROM pg_proc, held
    WHERE classid = 'pg_proc'::regclass AND oid = objid AND prokind IN ('f', 'p', 'w')
        AND pronamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'pg_cast'::regclass, d.objid FROM held h JOIN pg_depend d USING (classid, objid)
    WHERE classid = 'pg_cast'::regclass AND d.deptype = 'i' -- from a range to its multirange
    UNION ALL
    SELECT 'pg_constraint'::regclass, oid FROM constraints
    UNION ALL
    SELECT 'pg_attrdef'::regclass, a.oid FROM relations c JOIN pg_attrdef a ON a.adrelid = c.oid
    UNION ALL
    SELECT 'pg_trigger'::regclass, t.oid FROM held
    JOIN pg_trigger t ON classid = 'pg_trigger'::regclass AND t.oid = objid
    WHERE t.tgisinternal OR t.tgrelid IN (SELECT oid FROM relations)
    UNION ALL
    SELECT 'pg_rewrite'::regclass, r.oid FROM relations c JOIN pg_rewrite r ON r.ev_class = c.oid
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext
    WHERE stxnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'pg_collation'::regclass, oid FROM pg_collation
    WHERE collnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict
    WHERE dictnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config
    WHERE cfgnamespace = current_schema()::regnamespace
)
SELECT DISTINCT replace(concat_ws(' ',
    replace(identified.type || ' ' || identified.identity, 'rule "_RETURN" on ', 'view '),
    CASE WHEN c.reloftype <> 0 THEN '(OF a type)'
        WHEN c.relrowsecurity OR c.relforcerowsecurity THEN '(with policies)'
        WHEN c.relkind = 'r' THEN '(INHERITS)' END,
    CASE WHEN f.objid IS NOT NULL THEN '(of another owner)' END),
    quote_ident(current_schema()) || '.', '')
FROM held
CROSS JOIN pg_identify_object(held.classid, held.objid, 0) AS identified
LEFT JOIN allowed a ON a.classid = held.classid AND a.objid = held.objid
LEFT JOIN foreign_owned f ON f.classid = held.classid AND f.objid = held.objid
LEFT JOIN relations c ON held.classid = 'pg_class'::regclass AND c.oid = held.objid
    AND f.objid IS NULL
WHERE a.objid IS NULL OR f.objid IS NOT NULL
ORDER BY 1
"""
