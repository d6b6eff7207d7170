#!/bin/sh
# Runs a command on the server of pg_virtualenv, with the roles and the database that the embedded
# server has by itself.
set -eu

run() { psql --quiet --set ON_ERROR_STOP=1 --command "$@"; }
run "CREATE ROLE app_user LOGIN PASSWORD 'test'"
run "CREATE ROLE app_owner LOGIN CREATEDB CREATEROLE PASSWORD 'test'"
makers="lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea)"
run "REVOKE EXECUTE ON FUNCTION $makers FROM PUBLIC" template1
# For PgBouncer, which asks as this role; in template1, and so in each database made later.
run "GRANT SELECT ON pg_shadow TO app_owner" template1
run "CREATE DATABASE app OWNER app_owner"
run "GRANT SET ON PARAMETER temp_file_limit TO app_owner"
export DATABASE_URL="postgres://app_user:test@$PGHOST:$PGPORT/app"
export DATABASE_OWNER_URL="postgres://app_owner:test@$PGHOST:$PGPORT/app"
# Else libpq would fill in the superuser's for what an address leaves out.
unset PGUSER PGPASSWORD PGDATABASE PGHOST PGPORT PGSYSCONFDIR
exec "$@"
