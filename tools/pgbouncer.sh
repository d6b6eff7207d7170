#!/bin/sh
# Runs a command with PgBouncer, in transaction mode, between the run-time role and PostgreSQL.
# DATABASE_URL names the server; the owner of DATABASE_OWNER_URL may look up passwords there.
set -eu

server=${DATABASE_URL#*@} server=${server%/*}
login=${DATABASE_OWNER_URL#*://} login=${login%@*}
folder=$(mktemp -d)
port=$(python -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')

# Few connections to the server for each database and role, so that clients must share them: two
# workers in their transactions, and the test that watches them.
cat > "$folder/pgbouncer.ini" << END
[databases]
* = host=${server%:*} port=${server#*:}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
pool_mode = transaction
default_pool_size = 3
max_client_conn = 1000
query_wait_timeout = 20
server_idle_timeout = 10
auth_type = scram-sha-256
auth_file = $folder/users
auth_user = ${login%:*}
auth_query = SELECT usename, passwd FROM pg_catalog.pg_shadow WHERE usename = \$1
log_connections = 0
log_disconnections = 0
END
echo "\"${login%:*}\" \"${login#*:}\"" > "$folder/users"

user=
if [ "$(id -u)" = 0 ]; then  # PgBouncer refuses to run as root
    user=--user=postgres
    chown -R postgres "$folder"
fi
pgbouncer --version | head -n 1
pgbouncer $user "$folder/pgbouncer.ini" 2> "$folder/log" &
trap 'kill $!; wait $! || true; rm -r "$folder"' EXIT
trap 'exit 1' HUP INT TERM

export DATABASE_URL="${DATABASE_URL%%@*}@127.0.0.1:$port/${DATABASE_URL##*/}"
for attempt in 1 2 3 4 5 6 7 8 9 last; do
    psql --quiet --command "" "$DATABASE_URL" && break
    [ "$attempt" != last ] || { cat "$folder/log"; exit 1; }
    sleep 0.2
done
"$@"
