#!/bin/sh
# Runs a command on the server of pg_virtualenv, with the same roles and database as the embedded
# server.
set -eu

run() { psql --quiet --set ON_ERROR_STOP=1 --command "$@"; }
run "CREATE ROLE app_user LOGIN PASSWORD 'test'"
run "CREATE ROLE app_owner LOGIN CREATEDB CREATEROLE PASSWORD 'test'"
makers="lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea)"
run "REVOKE EXECUTE ON FUNCTION $makers FROM PUBLIC" template1
# PgBouncer looks up passwords as this role. Databases that are created later copy template1.
run "GRANT SELECT ON pg_shadow TO app_owner" template1
run "CREATE DATABASE app OWNER app_owner"
run "GRANT SET ON PARAMETER temp_file_limit TO app_owner"
export DATABASE_URL="postgres://app_user:test@$PGHOST:$PGPORT/app"
export DATABASE_OWNER_URL="postgres://app_owner:test@$PGHOST:$PGPORT/app"
# Otherwise libpq would complete addresses with the superuser's values.
unset PGUSER PGPASSWORD PGDATABASE PGHOST PGPORT PGSYSCONFDIR
exec "$@"
