"""Definitions of tables, as frames and elements, and of objects that belong to one table."""

_SEQUENCE_OPTIONS = """format('INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s',
    q.seqincrement, q.seqmin, q.seqmax, q.seqstart, q.seqcache,
    CASE WHEN q.seqcycle THEN ' CYCLE' ELSE '' END)"""

_OPTIONS = """(
    SELECT format(' WITH (%s)', string_agg(name || '=' || quote_literal(option_value), ', '))
    FROM (
        SELECT quote_ident(option_name) AS name, option_value
        FROM pg_options_to_table(c.reloptions)
        UNION ALL
        SELECT 'toast.' || quote_ident(option_name), option_value
        FROM pg_class t, pg_options_to_table(t.reloptions) WHERE t.oid = c.reltoastrelid
    ) AS options HAVING count(*) > 0)"""

# Defaults and checks that call a function of the schema are added after the function.
_IS_INLINE_DEFAULT = """c.relkind IN ('r', 'p') AND d.oid IS NOT NULL
    AND (a.attgenerated <> '' OR NOT EXISTS (
        SELECT FROM calling WHERE classid = 'pg_attrdef'::regclass AND objid = d.oid))"""
_IS_INLINE_CHECK = """k.contype = 'c' AND k.conrelid <> 0 AND k.convalidated AND NOT EXISTS (
    SELECT FROM calling WHERE classid = 'pg_constraint'::regclass AND objid = k.oid)"""

COLLATE = """CASE WHEN a.attcollation NOT IN (0, y.typcollation)
        THEN 'COLLATE ' || a.attcollation::regcollation END"""

# The elements of each table, in order.
ELEMENTS = [
    f"""
SELECT 'pg_class'::regclass::int8, c.oid::int8, lpad(a.attnum::text, 5, '0'), concat_ws(' ',
    quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), {COLLATE},
    CASE WHEN {_IS_INLINE_DEFAULT} THEN format(
        CASE a.attgenerated WHEN 's' THEN 'GENERATED ALWAYS AS (%s) STORED'
            WHEN 'v' THEN 'GENERATED ALWAYS AS (%s) VIRTUAL' ELSE 'DEFAULT %s' END,
        pg_get_expr(d.adbin, d.adrelid)) END,
    CASE WHEN a.attidentity <> '' THEN format(
        'GENERATED %s AS IDENTITY (SEQUENCE NAME %I %s)',
        CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, s.relname,
        {_SEQUENCE_OPTIONS}) END,
    CASE WHEN a.attnotnull THEN concat('CONSTRAINT ' || quote_ident(k.conname) || ' ', 'NOT NULL',
        CASE WHEN k.connoinherit THEN ' NO INHERIT' END) END)
FROM relations c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type y ON y.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN constraints k ON k.conrelid = c.oid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]
LEFT JOIN owned_sequences o
    ON o.refobjid = c.oid AND o.refobjsubid = a.attnum AND o.deptype = 'i'
LEFT JOIN relations s ON s.oid = o.objid LEFT JOIN pg_sequence q ON q.seqrelid = o.objid
WHERE c.relkind IN ('r', 'p')""",
    f"""
SELECT 'pg_class'::regclass::int8, k.conrelid::int8, k.conname::text,
    format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
FROM constraints k WHERE {_IS_INLINE_CHECK}""",
]

# Columns: the system table and the oid, which are an object's key; step, name, statement.
TABLES = [
    f"""
SELECT 'pg_class'::regclass::int8, c.oid::int8, 40, c.relname::text, concat(
    'CREATE ', CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' END,
    format('TABLE %I ()', c.relname), ' PARTITION BY ' || pg_get_partkeydef(c.oid),
    CASE WHEN m.amname <> 'heap' THEN format(' USING %I', m.amname) END, {_OPTIONS})
FROM relations c LEFT JOIN pg_am m ON m.oid = c.relam WHERE c.relkind IN ('r', 'p')""",
    """
SELECT 'pg_inherits'::regclass::int8, c.oid::int8, 42, c.relname::text,
    format('ALTER TABLE ONLY %s ATTACH PARTITION %I %s',
        i.inhparent::regclass, c.relname, pg_get_expr(c.relpartbound, c.oid))
FROM relations c JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE c.relispartition AND c.relkind IN ('r', 'p')""",
    f"""
SELECT 'pg_class'::regclass::int8, c.oid::int8, 25, c.relname::text,
    format('CREATE SEQUENCE %I AS %s %s', c.relname, format_type(q.seqtypid, NULL),
        {_SEQUENCE_OPTIONS})
FROM relations c JOIN pg_sequence q ON q.seqrelid = c.oid
WHERE NOT EXISTS (SELECT FROM owned_sequences o WHERE o.objid = c.oid AND o.deptype = 'i')""",
    f"""
SELECT 'pg_attrdef'::regclass::int8, d.oid::int8, 45, c.relname || '.' || a.attname,
    format('ALTER TABLE %I ALTER COLUMN %I SET DEFAULT %s',
        c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid))
FROM relations c JOIN pg_attrdef d ON d.adrelid = c.oid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum
WHERE NOT ({_IS_INLINE_DEFAULT})""",
    # Without those of partitions, which the partitioned table's create.
    f"""
SELECT 'pg_constraint'::regclass::int8, k.oid::int8, 50, k.conname::text, format(
    'ALTER TABLE %s ADD CONSTRAINT %I %s', k.conrelid::regclass, k.conname,
    pg_get_constraintdef(k.oid))
FROM constraints k
WHERE k.contype = 'c' AND k.conrelid <> 0 AND k.conislocal AND NOT ({_IS_INLINE_CHECK})""",
    """
SELECT 'pg_constraint'::regclass::int8, k.oid::int8, 55, k.conname::text, format(
    'ALTER TABLE ONLY %s ADD CONSTRAINT %I %s', k.conrelid::regclass, k.conname,
    pg_get_constraintdef(k.oid))
FROM constraints k WHERE k.contype IN ('p', 'u', 'x')""",
    """
SELECT 'pg_class'::regclass::int8, c.oid::int8, 60, c.relname::text,
    pg_get_indexdef(c.oid, 0, true)
FROM relations c JOIN pg_index i ON i.indexrelid = c.oid
WHERE (i.indisvalid OR c.relkind = 'I') AND NOT EXISTS (SELECT FROM constraints k
    WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))""",
    """
SELECT 'pg_constraint'::regclass::int8, k.oid::int8, 105, k.conname::text, format(
    'ALTER TABLE %s ADD CONSTRAINT %I %s', k.conrelid::regclass, k.conname,
    pg_get_constraintdef(k.oid))
FROM constraints k WHERE k.contype = 'f' AND k.conparentid = 0""",
]
