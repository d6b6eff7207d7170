#!/bin/sh
# Runs once, when PostgreSQL starts on an empty volume: creates the two roles and the database.
# The owner creates tables; the run-time role serves requests and owns nothing.
set -eu

psql --quiet --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set=owner_password="$DATABASE_OWNER_PASSWORD" \
    --set=runtime_password="$DATABASE_PASSWORD" \
    --set=owner_rights="$OWNER_RIGHTS" <<'SQL'
-- Every database is a copy of template1: who may write rows needs no large objects.
\connect template1
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC;
\connect postgres
CREATE ROLE app_owner LOGIN :owner_rights PASSWORD :'owner_password';
CREATE ROLE app_user LOGIN PASSWORD :'runtime_password';
CREATE DATABASE app OWNER app_owner;
REVOKE ALL ON DATABASE app, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE app TO app_user;
GRANT CONNECT ON DATABASE postgres TO app_owner;
-- For migrate, which sets the limits of docs/limits.md; this one is a superuser's otherwise.
GRANT SET ON PARAMETER temp_file_limit TO app_owner;
SQL
