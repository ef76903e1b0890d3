import { setTimeout as delay } from 'node:timers/promises'
import { formatLsn, parseLsn, type Lsn } from '@freshet/pgoutput'
import { connectRedis, type RedisPort } from '@freshet/redis'
import type pg from 'pg'

/** Where the write-ahead log ends now: everything committed so far stands before it. */
export async function writtenUpTo(sql: Pick<pg.Pool, 'query'>): Promise<Lsn> {
  const { rows } = await sql.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn')
  return parseLsn(rows[0]?.lsn ?? '')
}

/** Asks the Redis of an installation how far it is true, as a client without Kafka does. */
export class AppliedWatch {
  private readonly redis: RedisPort

  constructor(
    private readonly sql: Pick<pg.Pool, 'query'>,
    redisUrl: string,
    namespace = 'default',
  ) {
    this.redis = connectRedis({ url: redisUrl, namespace, role: 'client' })
  }

  /** Resolves once everything that was committed before the call is fenced. Throws Error with what was seen instead. */
  async applied(withinMs = 30_000): Promise<void> {
    const wanted = await writtenUpTo(this.sql)
    const deadline = performance.now() + withinMs
    for (;;) {
      const { at, text } = await this.seen()
      if (at !== undefined && at >= wanted) return
      if (performance.now() > deadline)
        throw new Error(`not applied up to ${formatLsn(wanted)} within ${withinMs} ms; Redis says: ${text}`)
      await delay(10)
    }
  }

  close(): Promise<void> {
    return this.redis.close()
  }

  private async seen(): Promise<{ at?: Lsn; text: string }> {
    try {
      const lsn = (await this.redis.values.applied())?.lsn
      return lsn === undefined ? { text: 'nothing yet' } : { at: lsn, text: formatLsn(lsn) }
    } catch (error) {
      return { text: String(error) }
    }
  }
}
