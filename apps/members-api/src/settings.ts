import { optional, variables, type Configuration } from '@freshet/service-kit'

/** What the API reads from the environment. */
export const apiVariables = {
  postgresUrl: variables.postgresUrl,
  /** Loads go there first; writes, and snapshots for what the primary brings, never. */
  postgresStandbyUrl: optional(variables.postgresStandbyUrl),
  redisUrl: variables.redisUrl,
  kafkaBrokers: variables.kafkaBrokers,
  namespace: variables.namespace,
  topicPrefix: variables.topicPrefix,
  l1MaxBytes: variables.l1MaxBytes,
  /** Where it is set, the warmer may have this service refresh its values. */
  refreshSecret: optional(variables.refreshSecret),
  /** Opens /demo to the demo's checker. */
  demo: variables.demo,
  /** A template that the catalog is to have no rules for: the demo's `--break-rule`. */
  withoutRulesOf: optional(variables.demoBreakRule),
}

export type Settings = Configuration<typeof apiVariables>
