import { variables, type Configuration } from '@freshet/service-kit'

/** What commands read that talk to a running system. */
export const systemVariables = {
  postgresUrl: variables.postgresUrl,
  kafkaBrokers: variables.kafkaBrokers,
  redisUrl: variables.redisUrl,
  namespace: variables.namespace,
  topicPrefix: variables.topicPrefix,
  slot: variables.slot,
}

/** What commands read beside, that have to know which keys are hot. */
export const hotKeysVariables = {
  ...systemVariables,
  among: variables.hotKeysAmong,
  moreThan: variables.hotKeysMoreThan,
  windowMs: variables.hotKeysWindow,
}

export type SystemSettings = Configuration<typeof systemVariables>

export const clientId = 'freshet-cli'
