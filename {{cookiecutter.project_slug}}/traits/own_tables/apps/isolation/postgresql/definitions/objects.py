"""Definitions of types, functions, views and other objects except tables."""

from apps.isolation.postgresql.definitions.tables import COLLATE

_TYPES = [
    """
SELECT 'pg_type'::regclass::int8, y.oid::int8, 20, y.typname::text, format(
    'CREATE TYPE %I AS ENUM (%s)', y.typname, (
        SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
        FROM pg_enum WHERE enumtypid = y.oid))
FROM types y WHERE y.typtype = 'e'""",
    f"""
SELECT 'pg_type'::regclass::int8, t.oid::int8, 20, t.typname::text, format(
    'CREATE TYPE %I AS (%s)', t.typname, (
        SELECT string_agg(concat_ws(' ', quote_ident(a.attname),
            format_type(a.atttypid, a.atttypmod), {COLLATE}), ', ' ORDER BY a.attnum)
        FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
FROM types t JOIN relations c ON c.oid = t.typrelid AND c.relkind = 'c'""",
    """
SELECT 'pg_type'::regclass::int8, y.oid::int8, 20, y.typname::text, format(
    'CREATE TYPE %I AS RANGE (%s)', y.typname, concat_ws(', ',
        'SUBTYPE = ' || format_type(r.rngsubtype, NULL),
        CASE WHEN NOT o.opcdefault THEN format('SUBTYPE_OPCLASS = %I.%I', n.nspname, o.opcname) END,
        CASE WHEN r.rngcollation <> 0 THEN 'COLLATION = ' || r.rngcollation::regcollation END,
        CASE WHEN r.rngcanonical <> 0 THEN 'CANONICAL = ' || r.rngcanonical::regproc END,
        CASE WHEN r.rngsubdiff <> 0 THEN 'SUBTYPE_DIFF = ' || r.rngsubdiff::regproc END,
        format('MULTIRANGE_TYPE_NAME = %I', m.typname)))
FROM types y JOIN pg_range r ON r.rngtypid = y.oid JOIN pg_type m ON m.oid = r.rngmultitypid
JOIN pg_opclass o ON o.oid = r.rngsubopc JOIN pg_namespace n ON n.oid = o.opcnamespace""",
    """
SELECT 'pg_type'::regclass::int8, y.oid::int8, 20, y.typname::text, concat_ws(' ',
    format('CREATE DOMAIN %I AS %s', y.typname, format_type(y.typbasetype, y.typtypmod)),
    CASE WHEN y.typcollation NOT IN (0, b.typcollation)
        THEN 'COLLATE ' || y.typcollation::regcollation END,
    'DEFAULT ' || pg_get_expr(y.typdefaultbin, 0), CASE WHEN y.typnotnull THEN 'NOT NULL' END, (
        SELECT string_agg(format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), ' '
            ORDER BY k.conname)
        FROM constraints k WHERE k.contypid = y.oid AND k.contype = 'c' AND k.convalidated))
FROM types y JOIN pg_type b ON b.oid = y.typbasetype WHERE y.typtype = 'd'""",
    """
SELECT 'pg_constraint'::regclass::int8, k.oid::int8, 50, k.conname::text, format(
    'ALTER DOMAIN %s ADD CONSTRAINT %I %s', k.contypid::regtype, k.conname,
    pg_get_constraintdef(k.oid))
FROM constraints k WHERE k.contypid <> 0 AND k.contype = 'c' AND NOT k.convalidated""",
]

# Columns that some versions of PostgreSQL lack are read through JSON.
_TEXTS = [
    """
SELECT 'pg_collation'::regclass::int8, l.oid::int8, 10, l.collname::text, format(
    'CREATE COLLATION %I (%s)', l.collname, concat_ws(', ',
        'PROVIDER = ' || CASE l.collprovider
            WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
        'LOCALE = ' || quote_literal(coalesce(j ->> 'colllocale', j ->> 'colliculocale')),
        CASE WHEN l.collprovider = 'c' THEN format('LC_COLLATE = %L, LC_CTYPE = %L',
            l.collcollate, l.collctype) END,
        'RULES = ' || quote_literal(j ->> 'collicurules'),
        CASE WHEN NOT l.collisdeterministic THEN 'DETERMINISTIC = false' END))
FROM held JOIN pg_collation l ON classid = 'pg_collation'::regclass AND l.oid = objid,
    to_jsonb(l) AS j""",
    """
SELECT 'pg_ts_dict'::regclass::int8, d.oid::int8, 11, d.dictname::text, format(
    'CREATE TEXT SEARCH DICTIONARY %I (%s)', d.dictname, concat_ws(', ',
        format('TEMPLATE = %I.%I', n.nspname, t.tmplname), d.dictinitoption))
FROM held JOIN pg_ts_dict d ON classid = 'pg_ts_dict'::regclass AND d.oid = objid
JOIN pg_ts_template t ON t.oid = d.dicttemplate JOIN pg_namespace n ON n.oid = t.tmplnamespace""",
    """
SELECT 'pg_ts_config'::regclass::int8, f.oid::int8, 12, f.cfgname::text, concat_ws(';',
    format('CREATE TEXT SEARCH CONFIGURATION %I (PARSER = %I.%I)',
        f.cfgname, n.nspname, p.prsname), (
        SELECT string_agg(mapping, ';' ORDER BY mapping) FROM (
            SELECT format('ALTER TEXT SEARCH CONFIGURATION %I ADD MAPPING FOR %I WITH %s',
                f.cfgname, t.alias,
                string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno)) AS mapping
            FROM pg_ts_config_map m JOIN ts_token_type(f.cfgparser) t ON t.tokid = m.maptokentype
            WHERE m.mapcfg = f.oid GROUP BY t.alias) AS mappings))
FROM held JOIN pg_ts_config f ON classid = 'pg_ts_config'::regclass AND f.oid = objid
JOIN pg_ts_parser p ON p.oid = f.cfgparser JOIN pg_namespace n ON n.oid = p.prsnamespace""",
]

_OPTIONS = """CASE WHEN c.reloptions IS NOT NULL THEN (
    SELECT format(' WITH (%s)', string_agg(
        quote_ident(option_name) || '=' || quote_literal(option_value), ', '))
    FROM pg_options_to_table(c.reloptions)) END"""

_CODE = [
    """
SELECT 'pg_proc'::regclass::int8, p.oid::int8, 30, p.oid::regprocedure::text,
    pg_get_functiondef(p.oid)
FROM functions p WHERE p.prokind <> 'a'""",
    f"""
SELECT 'pg_class'::regclass::int8, c.oid::int8, 70, c.relname::text, concat(
    format('CREATE VIEW %I', c.relname), {_OPTIONS}, ' AS ', pg_get_viewdef(c.oid, true))
FROM relations c WHERE c.relkind = 'v'""",
    f"""
SELECT 'pg_class'::regclass::int8, c.oid::int8, 71, c.relname::text, concat(
    format('CREATE MATERIALIZED VIEW %I', c.relname),
    CASE WHEN m.amname <> 'heap' THEN format(' USING %I', m.amname) END, {_OPTIONS}, ' AS ',
    rtrim(pg_get_viewdef(c.oid, true), ';'),
    CASE WHEN NOT c.relispopulated THEN ' WITH NO DATA' END)
FROM relations c JOIN pg_am m ON m.oid = c.relam WHERE c.relkind = 'm'""",
    """
SELECT 'pg_rewrite'::regclass::int8, r.oid::int8, 80, r.rulename::text,
    pg_get_ruledef(r.oid, true)
FROM relations c JOIN pg_rewrite r ON r.ev_class = c.oid WHERE r.rulename <> '_RETURN'""",
    """
SELECT 'pg_trigger'::regclass::int8, t.oid::int8, 85, t.tgname::text,
    pg_get_triggerdef(t.oid, true)
FROM relations c JOIN pg_trigger t ON t.tgrelid = c.oid
WHERE NOT t.tgisinternal AND t.tgparentid = 0""",
    """
SELECT 'pg_statistic_ext'::regclass::int8, s.oid::int8, 65, s.stxname::text,
    pg_get_statisticsobjdef(s.oid)
FROM held JOIN pg_statistic_ext s ON classid = 'pg_statistic_ext'::regclass AND s.oid = objid""",
]

OBJECTS = [*_TYPES, *_TEXTS, *_CODE]
