import type { Stack } from './stack.js'

/** The variables by which services find the servers of a stack. */
export function stackEnvironment(
  stack: Pick<Stack, 'postgresUrl' | 'kafkaBrokers' | 'redisUrl'>,
): Record<string, string> {
  return {
    FRESHET_POSTGRES_URL: stack.postgresUrl,
    FRESHET_KAFKA_BROKERS: stack.kafkaBrokers,
    FRESHET_REDIS_URL: stack.redisUrl,
  }
}
