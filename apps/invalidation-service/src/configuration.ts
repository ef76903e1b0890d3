import { optional, variables } from '@freshet/service-kit'

/** What the invalidation service reads from its environment. */
export const invalidationVariables = {
  postgresUrl: variables.postgresUrl,
  kafkaBrokers: variables.kafkaBrokers,
  redisUrl: variables.redisUrl,
  redisWaitReplicas: variables.redisWaitReplicas,
  redisWaitTimeout: variables.redisWaitTimeout,
  namespace: variables.namespace,
  topicPrefix: variables.topicPrefix,
  partitions: variables.partitions,
  hotKeysAmong: variables.hotKeysAmong,
  hotKeysMoreThan: variables.hotKeysMoreThan,
  hotKeysWindow: variables.hotKeysWindow,
  warmUpKeys: variables.warmUpKeys,
  apiToken: optional(variables.apiToken),
}
