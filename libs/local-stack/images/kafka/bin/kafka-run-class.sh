#!/bin/sh
exec java ${KAFKA_HEAP_OPTS:--Xms128m -Xmx512m} -Djava.awt.headless=true \
  -Dlog4j2.configurationFile=/opt/kafka/config/log4j2.xml -cp '/opt/kafka/libs/*' "$@"
