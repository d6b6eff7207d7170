-- What a migration may not make in the template, by kind: how it is called, and statements.

-- kind: aggregates

aggregate total(integer)

CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int);

-- kind: operators

operator ===(integer,integer)

CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);

-- kind: casts

cast (mood AS integer)

CREATE TYPE mood AS ENUM ('fine');

CREATE CAST (mood AS int) WITH INOUT;

-- kind: conversions

conversion odd

CREATE CONVERSION odd FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;

-- kind: inherited tables

table work (INHERITS)

CREATE TABLE work () INHERITS (sample_label);

-- kind: typed tables

table places (OF a type)

CREATE TYPE place AS (street text);

CREATE TABLE places OF place;

-- kind: default privileges

default acl for role {owner} in schema tenant_template on tables

ALTER DEFAULT PRIVILEGES IN SCHEMA tenant_template GRANT SELECT ON TABLES TO pg_monitor;

-- kind: publications

publication relation sample_label in publication told

CREATE PUBLICATION told FOR TABLE sample_label;

-- kind: extensions that name the schema

extension citext

CREATE EXTENSION citext SCHEMA tenant_template;

-- kind: views outside

view public.outside

CREATE VIEW public.outside AS TABLE sample_label;

-- kind: functions outside

function public.outside(sample_label)

CREATE FUNCTION public.outside(sample_label) RETURNS int RETURN 1;

-- kind: keys outside

table constraint outside_label_fkey on public.outside

CREATE TABLE public.outside (label uuid REFERENCES sample_label);

-- kind: triggers outside

trigger stamp on public.outside

CREATE TABLE public.outside (id int);

CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;

CREATE TRIGGER stamp AFTER INSERT ON public.outside EXECUTE FUNCTION stamp();

-- kind: tables of another owner

table work (of another owner)

CREATE ROLE other;

CREATE TABLE work (id int);

GRANT other TO CURRENT_USER;

GRANT CREATE ON SCHEMA tenant_template TO other;

ALTER TABLE work OWNER TO other;
