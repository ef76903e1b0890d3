#!/bin/sh
# Makes the cluster on the first start, then runs the command as the user postgres.
set -eu

[ "$1" = postgres ] || exec "$@"

as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?must be set for the first start}"
  as_postgres mkdir -p "$PGDATA"
  password_file=$(mktemp)
  printf '%s' "$POSTGRES_PASSWORD" >"$password_file"
  chown postgres "$password_file"
  as_postgres initdb --pgdata="$PGDATA" --username="$user" --pwfile="$password_file" --auth-host=scram-sha-256 \
    --auth-local=trust --no-sync --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --encoding=UTF8
  rm "$password_file"
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  if [ "$database" != postgres ]; then
    echo "create database \"$database\"" | as_postgres postgres --single -D "$PGDATA" postgres
  fi
fi
shift
exec setpriv --reuid=postgres --regid=postgres --clear-groups postgres \
  -c 'listen_addresses=*' -c unix_socket_directories=/var/run/postgresql "$@"
