import { optional, variables, type Configuration } from '@freshet/service-kit'

/** What the API reads from the environment. */
export const apiVariables = {
  postgresUrl: variables.postgresUrl,
  redisUrl: variables.redisUrl,
  kafkaBrokers: variables.kafkaBrokers,
  namespace: variables.namespace,
  topicPrefix: variables.topicPrefix,
  l1MaxBytes: variables.l1MaxBytes,
  /** Opens /demo to the demo's checker. */
  demo: variables.demo,
  /** A template that the catalog is to have no rules for: the demo's `--break-rule`. */
  withoutRulesOf: optional(variables.demoBreakRule),
}

export type Settings = Configuration<typeof apiVariables>
