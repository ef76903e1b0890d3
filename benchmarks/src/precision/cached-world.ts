import { createCache, encode, type Cache } from '@freshet/cache'
import type { System } from '@freshet/demo'
import { loaders, membersCatalog, registerLoaders } from '@freshet/members-catalog'
import type { KnownKey } from '@freshet/members-catalog/testing'
import { eventually } from '@freshet/testing/live'
import type pg from 'pg'

/** What one look at Redis found. */
export interface Seen {
  /** Keys that would be loaded anew. */
  readonly missing: readonly KnownKey[]
  /** Keys whose value would be served and is not what the database holds. */
  readonly stale: readonly KnownKey[]
}

/** Some keys of the reference domain, their values in Redis, and what the database makes of them. */
export class CachedWorld {
  readonly #load

  private constructor(
    private readonly cache: Cache,
    private readonly keys: readonly KnownKey[],
    pool: pg.Pool,
  ) {
    this.#load = loaders(pool)
  }

  static async open({ stack }: System, pool: pg.Pool, keys: readonly KnownKey[]): Promise<CachedWorld> {
    const cache = await createCache({
      catalog: membersCatalog,
      redis: stack.redisUrl,
      postgres: { url: stack.postgresUrl },
      kafka: { brokers: [stack.kafkaBrokers] },
    })
    registerLoaders(cache, { pool })
    await cache.register()
    await cache.inForce()
    return new CachedWorld(cache, keys, pool)
  }

  /** The bytes that a load would store now, in the order of the keys. */
  freshBytes(): Promise<readonly string[]> {
    return Promise.all(this.keys.map(async (key) => encode(await key.load(this.#load)).toString()))
  }

  /** Reads every key until Redis holds all of them. */
  async fill(): Promise<void> {
    await eventually(async () => {
      const { missing } = await this.look()
      await Promise.all(missing.map((key) => this.cache.get(this.#typed(key), { layers: ['l2'] })))
      return missing.length
    }, 0)
  }

  /** What Redis would serve, compared with fresh loads. */
  async look(): Promise<Seen> {
    const [fresh, held] = await Promise.all([
      this.freshBytes(),
      Promise.all(this.keys.map((key) => this.cache.peek('l2', this.#typed(key)))),
    ])
    const isStale = (at: number): boolean => {
      const reading = held[at]
      return reading !== undefined && encode(reading.value).toString() !== fresh[at]
    }
    return {
      missing: this.keys.filter((_, at) => held[at] === undefined),
      stale: this.keys.filter((_, at) => isStale(at)),
    }
  }

  close(): Promise<void> {
    return this.cache.close()
  }

  #typed({ template, parameters }: KnownKey): ReturnType<Cache['key']> {
    return this.cache.key(template, parameters)
  }
}
