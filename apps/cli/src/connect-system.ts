import { connectKafka, type KafkaPort } from '@freshet/kafka'
import { createPool } from '@freshet/postgres'
import { connectRedis, type FenceSession, type ValueStore } from '@freshet/redis'
import type { Pool } from 'pg'
import { clientId, type SystemSettings } from './settings.js'

/** The servers of a running system. */
export interface System {
  readonly sql: Pool
  readonly kafka: KafkaPort
  readonly redis: FenceSession
  readonly values: ValueStore
}

/** A server of the system does not answer. */
export class ServerUnreachableError extends Error {
  readonly code = 'SERVER_UNREACHABLE'

  constructor(
    readonly server: 'Postgres' | 'Redis',
    readonly variable: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${server} does not answer (${reason}); start it, or correct ${variable}`, options)
    this.name = 'ServerUnreachableError'
  }
}

/** How long a person waits for a server before the command gives up. */
const patienceMs = 5_000

/**
 * Connects to all three servers for the time of one piece of work.
 *
 * Throws ServerUnreachableError, KafkaUnreachableError, and what the work throws.
 */
export async function withSystem<T>(settings: SystemSettings, work: (system: System) => Promise<T>): Promise<T> {
  const kafka = connectKafka({ brokers: settings.kafkaBrokers, clientId })
  const redis = connectRedis({ url: settings.redisUrl, namespace: settings.namespace, role: 'service' })
  const sql = createPool({
    url: settings.postgresUrl,
    applicationName: clientId,
    max: 1,
    connectTimeoutMs: patienceMs,
  })
  try {
    await redis.ready(patienceMs).catch((cause: unknown) => {
      throw new ServerUnreachableError('Redis', 'FRESHET_REDIS_URL', reasonOf(cause), { cause })
    })
    await sql.query('select 1').catch((cause: unknown) => {
      throw new ServerUnreachableError('Postgres', 'FRESHET_POSTGRES_URL', reasonOf(cause), { cause })
    })
    return await work({ sql, kafka, redis: redis.fences.session(), values: redis.values })
  } finally {
    await Promise.all([kafka.close(), redis.close(), sql.end()])
  }
}

/** A refused connection to a name with two addresses is an AggregateError without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  if (error instanceof Error && 'reason' in error) return String(error.reason)
  return error instanceof Error ? error.message : String(error)
}
