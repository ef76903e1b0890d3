import { Connection } from './connection.js'
import { RedisFenceSession } from './fence-session.js'
import type { FenceSession, FenceStore } from './fence-store.js'
import { Keys } from './keys.js'
import type { RedisHealth, RedisOptions, RedisPort } from './port.js'
import { judgeServer, type Finding } from './preflight.js'
import { RedisValueStore } from './redis-value-store.js'
import { FenceUnavailableError } from './unavailable.js'
import type { ValueStore } from './value-store.js'

/**
 * Connects to one Redis, and again with backoff whenever the connection is lost. Returns at once; `ready()` waits.
 *
 * Throws RangeError for a namespace that cannot stand in keys.
 *
 * @example
 * const redis = connectRedis({ url: 'redis://127.0.0.1:6379', namespace: 'default', role: 'client' })
 * await redis.ready()
 * const { generations } = await redis.values.capture([{ shard: 7, tag: 'member:42:*' }], 3_600_000)
 */
export function connectRedis(options: RedisOptions): RedisPort {
  return new SingleRedis(new Connection(options), new Keys(options.namespace))
}

class SingleRedis implements RedisPort, FenceStore {
  readonly fences: FenceStore = this
  readonly values: ValueStore

  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
  ) {
    this.values = new RedisValueStore(connection, keys)
  }

  session(): FenceSession {
    const { number } = this.connection
    if (number === undefined) throw new FenceUnavailableError('open a session', this.absence())
    return new RedisFenceSession(this.connection, this.keys, number)
  }

  onReconnect(listener: () => void): () => void {
    return this.connection.onReady(listener)
  }

  async ready(timeoutMs = 10_000): Promise<void> {
    if (this.connection.number !== undefined) return
    await new Promise<void>((resolve, reject) => {
      const stop = this.connection.onReady(() => {
        clearTimeout(timer)
        stop()
        resolve()
      })
      const timer = setTimeout(() => {
        stop()
        reject(new FenceUnavailableError('connect', `${this.absence()}; waited ${timeoutMs} ms`))
      }, timeoutMs)
    })
  }

  health(): RedisHealth {
    return this.connection.health()
  }

  redisId(): string | undefined {
    return this.connection.redisIdOf(this.connection.number)
  }

  async preflight(): Promise<readonly Finding[]> {
    try {
      return judgeServer(await this.connection.redis.info())
    } catch (cause) {
      throw new FenceUnavailableError('preflight', cause instanceof Error ? cause.message : String(cause), { cause })
    }
  }

  async close(): Promise<void> {
    this.connection.close()
  }

  private absence(): string {
    const health = this.connection.health()
    return health.state === 'connected' ? 'connected' : health.reason
  }
}
