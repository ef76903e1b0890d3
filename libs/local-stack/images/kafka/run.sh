#!/bin/sh
# A broker from KAFKA_ variables: KAFKA_NODE_ID=1 becomes node.id=1; `__` stands for `_` and `___` for `-`.
set -eu

properties=/tmp/server.properties
export KAFKA_LOG_DIRS="${KAFKA_LOG_DIRS:-/var/lib/kafka/data}"
env | grep '^KAFKA_' | grep -v '^KAFKA_\(HEAP_OPTS\|OPTS\)=' | while IFS='=' read -r name value; do
  key=$(echo "${name#KAFKA_}" | tr '[:upper:]' '[:lower:]' | sed 's/___/-/g; s/__/%/g; s/_/./g; s/%/_/g')
  echo "$key=$value"
done >"$properties"
cluster=${CLUSTER_ID:-4L6g3nShT-eMCtK--X86sw}
standalone=
grep -q '^controller.quorum.voters=' "$properties" || standalone=--standalone
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted $standalone --cluster-id "$cluster" --config "$properties"
exec /opt/kafka/bin/kafka-server-start.sh "$properties"
