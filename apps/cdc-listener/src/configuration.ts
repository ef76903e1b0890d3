import { variables } from '@freshet/service-kit'

/** What the listener reads from its environment. */
export const listenerVariables = {
  postgresUrl: variables.postgresUrl,
  kafkaBrokers: variables.kafkaBrokers,
  namespace: variables.namespace,
  topicPrefix: variables.topicPrefix,
  partitions: variables.partitions,
  slot: variables.slot,
  publication: variables.publication,
  watermarkMs: variables.watermarkInterval,
  idleWatermarkMs: variables.idleWatermarkInterval,
}
