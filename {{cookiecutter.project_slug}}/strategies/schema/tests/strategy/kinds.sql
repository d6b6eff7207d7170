-- Statements by kind, one in each paragraph, of which drift must see each.

-- kind: views

CREATE VIEW open_shelves AS SELECT id, name FROM sample_shelf WHERE status = 'open';

CREATE VIEW a_first WITH (security_invoker, check_option = local) AS TABLE open_shelves;

ALTER VIEW a_first RENAME COLUMN name TO title;

ALTER VIEW a_first ALTER COLUMN title SET DEFAULT 'none';

CREATE RECURSIVE VIEW counted (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM counted WHERE n < 9;

-- kind: views that name what another schema hides

CREATE VIEW pg_class AS SELECT 1 AS one;

CREATE VIEW two AS SELECT one FROM tenant_template.pg_class;

-- kind: materialised views

CREATE MATERIALIZED VIEW totals AS SELECT status, count(*) FROM sample_book GROUP BY 1;

CREATE UNIQUE INDEX totals_by_status ON totals (status);

CREATE MATERIALIZED VIEW later WITH (fillfactor = 70) AS TABLE totals WITH NO DATA;

-- kind: functions

CREATE FUNCTION titled(sample_book) RETURNS text STABLE RETURN upper($1.title);

CREATE VIEW later AS TABLE sample_shelf;

CREATE FUNCTION first(n int DEFAULT 1) RETURNS SETOF sample_shelf LANGUAGE sql
    AS $$ TABLE later $$;

CREATE PROCEDURE noted(INOUT n int) LANGUAGE plpgsql SET search_path FROM CURRENT
    AS $$ BEGIN n := n + 1; END; -- done
 $$;

CREATE FUNCTION "Odd; name"() RETURNS int LANGUAGE sql AS 'SELECT 1;';

-- kind: functions that tables call

CREATE FUNCTION is_short(text) RETURNS bool IMMUTABLE LANGUAGE sql AS $$ SELECT length($1) < 9 $$;

CREATE FUNCTION next_code() RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'x' $$;

ALTER TABLE sample_shelf ADD CHECK (is_short(name));

ALTER TABLE sample_shelf ADD code text NOT NULL DEFAULT next_code();

ALTER TABLE sample_shelf ADD short bool GENERATED ALWAYS AS (is_short(name)) STORED;

CREATE FUNCTION is_own(sample_shelf) RETURNS bool IMMUTABLE RETURN $1.name <> '';

ALTER TABLE sample_shelf ADD CONSTRAINT own CHECK (is_own(sample_shelf));

CREATE INDEX ON sample_shelf (is_short(name));

-- kind: triggers

CREATE FUNCTION stamp() RETURNS trigger IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;

CREATE TRIGGER stamp BEFORE UPDATE OF name ON sample_shelf
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION stamp('a');

CREATE CONSTRAINT TRIGGER late AFTER INSERT ON sample_shelf
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION stamp();

ALTER TABLE sample_shelf DISABLE TRIGGER stamp;

ALTER TABLE sample_shelf ENABLE ALWAYS TRIGGER late;

CREATE VIEW seen AS TABLE sample_shelf;

CREATE TRIGGER instead INSTEAD OF DELETE ON seen FOR EACH ROW EXECUTE FUNCTION stamp();

-- kind: enums

CREATE TYPE mood AS ENUM ('fine', 'it''s bad');

ALTER TYPE mood ADD VALUE 'middling' BEFORE 'it''s bad';

ALTER TABLE sample_shelf ADD mood mood DEFAULT 'fine', ADD moods mood[];

-- kind: composite types

CREATE TYPE place AS (street text COLLATE "C", number numeric(4, 1));

CREATE TYPE a_house AS (places place[]);

ALTER TABLE sample_shelf ADD place place, ADD house a_house;

-- kind: ranges

CREATE FUNCTION apart(time, time) RETURNS float8 IMMUTABLE LANGUAGE sql
    AS $$ SELECT extract(epoch FROM $1 - $2) $$;

CREATE TYPE timerange AS RANGE (SUBTYPE = time, SUBTYPE_DIFF = apart);

CREATE TYPE tight AS RANGE (SUBTYPE = text, COLLATION = "C", MULTIRANGE_TYPE_NAME = tights);

ALTER TABLE sample_shelf ADD hours timerange, ADD all_hours timemultirange, ADD t tights;

-- kind: domains

CREATE DOMAIN word AS varchar(9) COLLATE "C" DEFAULT 'x' NOT NULL
    CONSTRAINT is_lower CHECK (VALUE = lower(VALUE));

ALTER DOMAIN word ADD CONSTRAINT is_long CHECK (length(VALUE) > 0) NOT VALID;

CREATE DOMAIN a_word AS word[];

ALTER TABLE sample_shelf ADD word word, ADD words a_word;

-- kind: sequences

CREATE SEQUENCE invoice_no AS int INCREMENT 2 MINVALUE 3 MAXVALUE 99 START 5 CACHE 7 CYCLE;

CREATE TABLE counted (id serial, n int DEFAULT nextval('invoice_no'));

CREATE SEQUENCE a_table_owns OWNED BY counted.n;

-- kind: identities

CREATE TABLE counted (id int GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 10));

ALTER SEQUENCE counted_id_seq RENAME TO counted_by;

-- kind: collations

CREATE COLLATION plain (LC_COLLATE = 'C', LC_CTYPE = 'POSIX');

ALTER TABLE sample_shelf ALTER name TYPE varchar(200) COLLATE plain;

CREATE INDEX ON sample_shelf (description COLLATE plain);

-- kind: text search

CREATE TEXT SEARCH DICTIONARY mine (TEMPLATE = snowball, Language = german, StopWords = german);

CREATE TEXT SEARCH CONFIGURATION german_mine (COPY = german);

ALTER TEXT SEARCH CONFIGURATION german_mine ALTER MAPPING FOR word, asciiword WITH mine, simple;

ALTER TABLE sample_shelf ADD found tsvector
    GENERATED ALWAYS AS (to_tsvector('german_mine', name)) STORED;

-- kind: rules

CREATE RULE quiet AS ON DELETE TO sample_label DO INSTEAD NOTHING;

CREATE RULE told AS ON UPDATE TO sample_label WHERE NEW.word = ''
    DO ALSO UPDATE sample_shelf SET name = NEW.word;

ALTER TABLE sample_label DISABLE RULE told;

-- kind: statistics

CREATE STATISTICS both_known (dependencies, mcv) ON status, position FROM sample_book;

ALTER STATISTICS both_known SET STATISTICS 500;

CREATE STATISTICS lower_titles ON (lower(title)) FROM sample_book;

-- kind: comments

COMMENT ON TABLE sample_shelf IS 'it''s; a shelf -- {}';

COMMENT ON COLUMN sample_shelf.name IS E'two\nlines';

COMMENT ON CONSTRAINT sample_shelf_name_unique ON sample_shelf IS 'x';

COMMENT ON INDEX sample_book_by_status IS 'x';

CREATE FUNCTION stamp() RETURNS trigger IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;

COMMENT ON FUNCTION stamp IS 'x';

CREATE DOMAIN word AS text CONSTRAINT is_lower CHECK (VALUE = lower(VALUE));

COMMENT ON DOMAIN word IS 'x';

COMMENT ON CONSTRAINT is_lower ON DOMAIN word IS 'x';

CREATE STATISTICS known ON status, position FROM sample_book;

COMMENT ON STATISTICS known IS 'x';

CREATE VIEW seen AS TABLE sample_shelf;

COMMENT ON COLUMN seen.name IS 'x';

CREATE TYPE place AS (street text);

COMMENT ON COLUMN place.street IS 'x';

-- kind: storage parameters

ALTER TABLE sample_shelf SET (fillfactor = 70, toast.autovacuum_enabled = false);

CREATE UNLOGGED TABLE work (id bigint PRIMARY KEY WITH (fillfactor = 50), name text);

CREATE INDEX by_name ON work (name text_pattern_ops DESC) INCLUDE (id)
    WITH (fillfactor = 60) WHERE name <> '';

ALTER TABLE work ALTER name SET STORAGE external, ALTER name SET COMPRESSION pglz;

ALTER TABLE work ALTER name SET STATISTICS 250, ALTER name SET (n_distinct = -0.5);

CREATE INDEX by_lower ON work (lower(name));

ALTER INDEX by_lower ALTER COLUMN 1 SET STATISTICS 70;

ALTER TABLE work REPLICA IDENTITY USING INDEX work_pkey;

ALTER TABLE work CLUSTER ON by_lower;

ALTER TABLE sample_shelf REPLICA IDENTITY FULL;

-- kind: constraints

CREATE TABLE work (id bigint PRIMARY KEY, name text, made date);

ALTER TABLE work ADD CONSTRAINT not_yet CHECK (made > '2020-01-01') NOT VALID;

ALTER TABLE work ADD CONSTRAINT "Late" UNIQUE (name) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE work ADD EXCLUDE USING gist (daterange(made, made, '[]') WITH &&);

ALTER TABLE work ADD parent bigint;

ALTER TABLE work ADD FOREIGN KEY (parent) REFERENCES work ON DELETE SET NULL NOT VALID;

CREATE TABLE other (id bigint PRIMARY KEY, work bigint REFERENCES work DEFERRABLE);

ALTER TABLE work ADD other bigint REFERENCES other;

CREATE UNIQUE INDEX ON work (name) NULLS NOT DISTINCT WHERE made IS NOT NULL;

-- kind: grants

CREATE TABLE work (id bigint PRIMARY KEY, name text, made date);

REVOKE UPDATE ON work FROM {runtime};

GRANT UPDATE (name) ON work TO {runtime};

REVOKE ALL ON sample_label FROM {runtime};

GRANT SELECT ON sample_label TO pg_monitor WITH GRANT OPTION;

CREATE FUNCTION stamp() RETURNS trigger IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;

REVOKE EXECUTE ON FUNCTION stamp FROM PUBLIC;

CREATE SEQUENCE invoice_no;

GRANT SELECT ON SEQUENCE invoice_no TO PUBLIC;

CREATE TYPE mood AS ENUM ();

REVOKE USAGE ON TYPE mood FROM PUBLIC;

-- kind: partitioned tables

CREATE TABLE parts (id bigint, made date, note text) PARTITION BY RANGE (made);

CREATE TABLE parts_2026 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

ALTER TABLE parts ADD PRIMARY KEY (id, made);

CREATE INDEX by_note ON parts (note);

CREATE TABLE parts_2027 PARTITION OF parts FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')
    PARTITION BY HASH (id);

CREATE TABLE parts_0 PARTITION OF parts_2027 FOR VALUES WITH (MODULUS 1, REMAINDER 0);

CREATE TABLE parts_rest PARTITION OF parts (note DEFAULT 'late') DEFAULT;

CREATE INDEX of_one ON parts_2026 (id);

ALTER INDEX parts_2026_pkey RENAME TO known_otherwise;

ALTER TABLE parts ADD CHECK (id > 0);

CREATE FUNCTION stamp() RETURNS trigger IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;

CREATE TRIGGER stamp BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION stamp();

ALTER TABLE parts ADD shelf uuid REFERENCES sample_shelf;

CREATE TABLE whole (id bigint, made date, FOREIGN KEY (id, made) REFERENCES parts);
