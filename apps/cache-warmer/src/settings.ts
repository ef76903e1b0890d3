import { optional, variables, type Configuration } from '@freshet/service-kit'

/** What the warmer reads from the environment. */
export const warmerVariables = {
  postgresUrl: variables.postgresUrl,
  redisUrl: variables.redisUrl,
  queueRedisUrl: optional(variables.queueRedisUrl),
  kafkaBrokers: variables.kafkaBrokers,
  namespace: variables.namespace,
  topicPrefix: variables.topicPrefix,
  loaders: variables.loaders,
  refreshUrl: optional(variables.refreshUrl),
  refreshSecret: optional(variables.refreshSecret),
  sqlLoaders: variables.sqlLoaders,
  sqlLoadersUrl: optional(variables.sqlLoadersUrl),
  concurrency: variables.warmerConcurrency,
  attempts: variables.warmerAttempts,
  mostStandbyLagBytes: variables.warmerStandbyLag,
  auditKeysPerSecond: variables.auditKeysPerSecond,
  /** The demo's `--break-rule`: the warmer must stand on the same catalog as the API. */
  withoutRulesOf: optional(variables.demoBreakRule),
}

export type Settings = Configuration<typeof warmerVariables>

/** Injects the settings. */
export const SETTINGS = Symbol("the warmer's settings")
