"""Definitions that come last: ALTER, ATTACH, COMMENT and GRANT for the created objects."""

_PARTITIONS = [
    """
SELECT 'pg_inherits'::regclass::int8, c.oid::int8, 101, c.relname::text,
    format('ALTER INDEX %s ATTACH PARTITION %I', i.inhparent::regclass, c.relname)
FROM relations c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE c.relkind IN ('i', 'I')""",
    """
SELECT 'pg_class'::regclass::int8, o.objid::int8, 110, s.relname::text,
    format('ALTER SEQUENCE %I OWNED BY %I.%I', s.relname, c.relname, a.attname)
FROM owned_sequences o JOIN relations s ON s.oid = o.objid JOIN relations c ON c.oid = o.refobjid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.refobjsubid
WHERE o.deptype = 'a'""",
]

# PostgreSQL 15.20 stores an internal version among the options of a column.
_COLUMN_OPTIONS = "ARRAY(SELECT o FROM unnest(a.attoptions) AS o WHERE o !~ '^pg_attver=')"

# Settings of columns by ALTER TABLE. Columns of an index have numbers.
_COLUMNS = [
    f"""
SELECT 'pg_class'::regclass::int8, c.oid::int8, 115, c.relname || '.' || a.attname, format(
    'ALTER TABLE %I ALTER COLUMN %s {setting}', c.relname,
    CASE c.relkind WHEN 'i' THEN a.attnum::text WHEN 'I' THEN a.attnum::text
        ELSE quote_ident(a.attname) END, {value})
FROM relations c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type y ON y.oid = a.atttypid
WHERE c.relkind IN ('r', 'p', 'm', 'i', 'I') AND {condition}"""
    for setting, value, condition in [
        (
            "SET STORAGE %s",
            """CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
                WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END""",
            "a.attstorage <> y.typstorage AND c.relkind IN ('r', 'p', 'm')",
        ),
        (
            "SET COMPRESSION %s",
            "CASE a.attcompression WHEN 'l' THEN 'lz4' ELSE 'pglz' END",
            "a.attcompression::text <> '' AND c.relkind IN ('r', 'p', 'm')",
        ),
        ("SET STATISTICS %s", "a.attstattarget", "coalesce(a.attstattarget, -1) >= 0"),
        (
            "SET (%s)",
            f"array_to_string({_COLUMN_OPTIONS}, ', ')",
            f"cardinality({_COLUMN_OPTIONS}) > 0 AND c.relkind IN ('r', 'p', 'm')",
        ),
    ]
]

_IS_TRIGGER = "t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0"

# Settings of tables by ALTER TABLE: the clause, its value, and where they are read from.
_ALTERED = [
    f"""
SELECT 'pg_class'::regclass::int8, c.oid::int8, 120, c.relname::text,
    format('ALTER TABLE %I {setting}', c.relname, {value}) FROM relations c {condition}"""
    for setting, value, condition in [
        (
            "REPLICA IDENTITY %s",
            "CASE c.relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END",
            "WHERE c.relkind IN ('r', 'p') AND c.relreplident IN ('f', 'n')",
        ),
        (
            "REPLICA IDENTITY USING INDEX %s",
            "i.indexrelid::regclass",
            "JOIN pg_index i ON i.indrelid = c.oid AND i.indisreplident",
        ),
        (
            "CLUSTER ON %s",
            "i.indexrelid::regclass",
            "JOIN pg_index i ON i.indrelid = c.oid AND i.indisclustered",
        ),
        (
            "SET TABLESPACE %I",
            "s.spcname",
            "JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE c.relkind <> 'S'",
        ),
        *(
            (
                "%s",
                f"""CASE {column} WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
                    ELSE 'ENABLE ALWAYS' END || ' {kind} ' || quote_ident({name})""",
                f"{join} AND {column} <> 'O'",
            )
            for kind, column, name, join in [
                ("RULE", "r.ev_enabled", "r.rulename", "JOIN pg_rewrite r ON r.ev_class = c.oid"),
                ("TRIGGER", "t.tgenabled", "t.tgname", f"JOIN pg_trigger t ON {_IS_TRIGGER}"),
            ]
        ),
    ]
] + [
    """
SELECT 'pg_statistic_ext'::regclass::int8, s.oid::int8, 120, s.stxname::text,
    format('ALTER STATISTICS %I SET STATISTICS %s', s.stxname, target)
FROM held JOIN pg_statistic_ext s ON classid = 'pg_statistic_ext'::regclass AND s.oid = objid,
    LATERAL (SELECT (to_jsonb(s) ->> 'stxstattarget')::int) AS t (target) WHERE target >= 0"""
]

_COMMENTS = """
SELECT h.classid::int8, h.objid::int8, 130, identified.identity, format('COMMENT ON %s %s IS %L',
    CASE WHEN identified.type LIKE '% column' THEN 'COLUMN'
        WHEN identified.type LIKE '% constraint' THEN 'CONSTRAINT'
        WHEN identified.type = 'statistics object' THEN 'STATISTICS'
        ELSE upper(identified.type) END,
    CASE WHEN identified.type = 'domain constraint'
        THEN replace(identified.identity, ' on ', ' ON DOMAIN ') ELSE identified.identity END,
    d.description)
FROM held h JOIN pg_description d ON d.classoid = h.classid AND d.objoid = h.objid
CROSS JOIN pg_identify_object(d.classoid, d.objoid, d.objsubid) AS identified"""

# Privileges that differ from PostgreSQL's defaults and from the owner's default privileges, which a
# copy gets anyway.
_GRANTS = """
SELECT classid::int8, objid::int8, 140, place, format(
    CASE WHEN given THEN 'GRANT %s%s ON %s %s TO %s%s' ELSE 'REVOKE %s%s ON %s %s FROM %s' END,
    privilege, columns, kind, place, CASE grantee WHEN 0 THEN 'PUBLIC'
        ELSE grantee::regrole::text END, CASE WHEN grantable THEN ' WITH GRANT OPTION' END)
FROM (
    SELECT 'pg_class'::regclass AS classid, c.oid AS objid,
        'TABLE' AS kind, c.oid::regclass::text AS place, '' AS columns, c.relacl AS acl,
        CASE c.relkind WHEN 'S' THEN 'S' ELSE 'r' END AS of, c.relowner AS owner
    FROM relations c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid,
        'TABLE', c.oid::regclass::text, format(' (%I)', a.attname), a.attacl, 'c', c.relowner
    FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid,
        'ROUTINE', p.oid::regprocedure::text, '', p.proacl, 'f', p.proowner FROM functions p
    UNION ALL
    SELECT 'pg_type'::regclass, y.oid, 'TYPE', y.oid::regtype::text, '', y.typacl, 'T', y.typowner
    FROM types y WHERE y.typtype IN ('e', 'd', 'r') OR y.typrelid IN (
        SELECT oid FROM relations WHERE relkind = 'c')
) AS objects, LATERAL (
    SELECT coalesce((SELECT defaclacl FROM pg_default_acl
        WHERE defaclnamespace = 0 AND defaclrole = owner AND defaclobjtype::text = of),
        acldefault(replace(of, 'S', 's')::"char", owner))
) AS usual (usual), LATERAL (
    (SELECT true, grantee, privilege_type, is_grantable FROM aclexplode(coalesce(acl, usual))
    EXCEPT SELECT true, grantee, privilege_type, is_grantable FROM aclexplode(usual))
    UNION ALL
    (SELECT false, grantee, privilege_type, false FROM aclexplode(usual)
    EXCEPT SELECT false, grantee, privilege_type, false FROM aclexplode(coalesce(acl, usual)))
) AS rights (given, grantee, privilege, grantable)"""

FINISHING = [*_PARTITIONS, *_COLUMNS, *_ALTERED, _COMMENTS, _GRANTS]
