import { readConfiguration, variables, type Configuration, type Environment } from '@freshet/service-kit'
import type { HotKeysSettings } from '@freshet/explain'

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

/** For commands that have to know which keys are hot. Throws ConfigurationError. */
export function readHotKeysSettings(environment: Environment): {
  readonly system: SystemSettings
  readonly hotKeys: HotKeysSettings
} {
  const { among, moreThan, windowMs, ...system } = readConfiguration(hotKeysVariables, environment)
  return { system, hotKeys: { among, moreThan, windowMs } }
}

export const clientId = 'freshet-cli'
