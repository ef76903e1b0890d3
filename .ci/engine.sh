#!/bin/sh
# Makes containers possible on a machine that has none: installs and starts a Docker engine if none answers (Debian, root),
# installs docker-compose, and builds local images where the official ones cannot be pulled. The engine stays up; stop it with
#   kill "$(cat /var/run/docker.pid)"
#
#   FRESHET_ENGINE_LOG  where dockerd writes (default /var/log/freshet-dockerd.log)
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
log=${FRESHET_ENGINE_LOG:-/var/log/freshet-dockerd.log}

answers() { docker version >/dev/null 2>&1; }

install_missing() {
  missing=
  command -v dockerd >/dev/null || missing="$missing docker.io"
  command -v debootstrap >/dev/null || missing="$missing debootstrap"
  docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || missing="$missing docker-compose"
  [ -n "$missing" ] || return 0
  echo "engine: installing$missing"
  apt-get update >"$log" 2>&1 || true # a source that is down must not matter if the packages are known
  # shellcheck disable=SC2086 # a list of package names
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >>"$log" 2>&1 ||
    { tail -20 "$log" >&2; exit 1; }
}

start() { # flags of dockerd; true once it answers
  setsid nohup dockerd "$@" >"$log" 2>&1 </dev/null &
  daemon=$!
  for _ in $(seq 1 100); do
    if answers; then return 0; fi
    kill -0 "$daemon" 2>/dev/null || return 1
    sleep 0.2
  done
  kill "$daemon"
  wait "$daemon" || true
  return 1
}

if [ "$(id -u)" != 0 ] && ! answers; then
  echo 'engine: no Docker engine answers, and only root can start one' >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then install_missing; fi
if ! answers; then
  echo 'engine: starting dockerd'
  # As it comes; else without a firewall to write to (published ports then go through docker-proxy); else without overlayfs.
  start || start --iptables=false --ip6tables=false || start --iptables=false --ip6tables=false --storage-driver=vfs ||
    { tail -20 "$log" >&2; exit 1; }
fi
docker version --format 'engine: Docker {{ .Server.Version }} answers'
sh "$root/libs/local-stack/images/build.sh"
