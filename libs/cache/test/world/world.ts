import type { ParameterKind, Tag } from '@freshet/cache-keys'
import { catalog, key, table, wildcard, type Catalog } from '@freshet/catalog'
import { lsn } from '@freshet/pgoutput'
import type { FenceSession, ValueStore } from '@freshet/redis'
import { ValuesUnavailableError } from '@freshet/redis'
import { FakeRedisServer } from '@freshet/testing'
import { expect, onTestFinished } from 'vitest'
import { AccessTally } from '../../src/access-tally.js'
import { budgetsOf, type BudgetOptions } from '../../src/budget.js'
import type { Cache } from '../../src/cache.js'
import { composeCache } from '../../src/compose.js'
import { MemoryLayer } from '../../src/memory-layer.js'
import { OccurrenceCounter, type Occurrence } from '../../src/occurrence.js'
import { Sight } from '../../src/sight.js'
import { Pauses } from './pauses.js'
import { Primary, type OpenTransaction } from './primary.js'

export interface Balance {
  readonly amount: number
}

export const keys = {
  profile: key('member:{id}:profile', { ttl: '1h' }).returns<{ readonly name: string }>(),
  balance: key('member:{id}:balance', { ttl: '1h' }).returns<Balance>(),
  /** May be stale for a minute after a fence. */
  card: key('member:{id}:card', { ttl: '1h', staleWhileRevalidate: '1m' }).returns<Balance>(),
  /** May be a minute old when the source fails. */
  rate: key('member:{id}:rate', { ttl: '1h', staleIfError: '1m' }).returns<Balance>(),
  /** Computed from others; nothing of its own fences it. */
  statement: key('statement:{id}', { ttl: '1h', exact: true }).returns<unknown>(),
}

const members = table('public.members', { entity: 'member', key: ['id'], columns: { id: 'id' } })
const payments = table('public.payments', {
  entity: 'payment',
  key: ['id'],
  columns: { id: 'id', memberId: 'member_id' },
})

export const worldCatalog: Catalog = catalog('world', {
  version: '1',
  keys,
  rules: [
    members.any.fences((row) => [wildcard('member:{id}:*', { id: row.id })]),
    payments.any.fences((row) => [
      keys.balance.of({ id: row.memberId }),
      keys.card.of({ id: row.memberId }),
      keys.rate.of({ id: row.memberId }),
    ]),
  ],
})

const kinds: Record<string, Record<string, ParameterKind>> = {
  profile: { id: 'integer' },
  balance: { id: 'integer' },
  card: { id: 'integer' },
  rate: { id: 'integer' },
  statement: { id: 'integer' },
}

/** A Redis, a primary and the service's fences, all in memory and in this test's hands. */
export class World {
  /** Of Redis, in milliseconds. */
  nowMs = Date.now()
  readonly redis = new FakeRedisServer(() => this.nowMs)
  readonly primary = new Primary()
  readonly clients: Client[] = []
  readonly #fences: FenceSession = this.redis.connect().fences.session()

  static async open({ inForce = true }: { inForce?: boolean } = {}): Promise<World> {
    const world = new World()
    if (inForce) await world.bringIntoForce()
    return world
  }

  /** As the invalidation service does it: floors, rotations, the record; then watermarks until the floors have passed. */
  async bringIntoForce(parameterKinds = kinds): Promise<void> {
    const shards = Array.from({ length: 1_024 }, (_, shard) => shard)
    await this.#fences.recover(shards, async () => this.primary.floor())
    const { owner, version, fingerprint } = worldCatalog
    await this.#fences.putCatalogInForce({
      owner,
      version,
      fingerprint,
      lsn: lsn(this.primary.watermark().lsn),
      parameterKinds,
    })
    await this.prune()
  }

  async retire(): Promise<void> {
    await this.#fences.removeCatalogInForce(worldCatalog.owner, worldCatalog.version)
  }

  /** R7 for one transaction, as far as Redis goes. */
  async fence(transaction: OpenTransaction, ...tags: readonly { text: string; shard: Tag['shard'] }[]): Promise<void> {
    const fences = tags.flatMap(({ text, shard }) =>
      shard === 'all' ? [] : [{ shard, tags: [text], transactions: [transaction] }],
    )
    await this.#fences.fence(fences)
  }

  /** As `fence`, of tags that cover hot keys with these windows. */
  async fenceHot(
    transaction: OpenTransaction,
    windowMs: number,
    ...tags: readonly { text: string; shard: number }[]
  ): Promise<void> {
    await this.#fences.fence(
      tags.map(({ text, shard }) => ({
        shard,
        tags: [text],
        transactions: [transaction],
        windowsMs: new Map([[text, [windowMs]]]),
      })),
    )
  }

  async gap(...tags: readonly Tag[]): Promise<void> {
    await this.#fences.gap(tags, async () => this.primary.floor())
  }

  /** What every client with an L1 hears behind a fence. */
  publish(...tags: readonly { text: string }[]): void {
    for (const { memory } of this.clients) memory?.fence(tags.map(({ text }) => text))
  }

  async prune(): Promise<void> {
    await this.#fences.prune('all', this.primary.watermark())
    await this.apply()
  }

  /** All that is committed is fenced; every client with an L1 hears it. */
  async apply(): Promise<void> {
    const watermark = this.primary.watermark()
    await this.#fences.noteApplied([{ topic: 'changes', partition: 0, watermark }])
    const { redisId: redis } = this.redis
    for (const { memory, sight } of this.clients) if (memory) sight.heard(0, { ...watermark, redis })
  }

  client({
    l1 = false,
    queue = 100,
    concurrency = 10,
    timeoutMs = 5_000,
    delay = noDelay,
    budgets = {},
    topKeys = 0,
  }: ClientOptions = {}): Client {
    const client = new Client(this, { l1, queue, concurrency, timeoutMs, delay, budgets, topKeys })
    this.clients.push(client)
    onTestFinished(() => client.cache.close())
    return client
  }

  /** A loader that reads a row of the primary. */
  row =
    <T>(name: string) =>
    async (): Promise<T> =>
      this.primary.rows.get(name) as T
}

export interface ClientOptions {
  readonly l1?: boolean
  readonly queue?: number
  readonly concurrency?: number
  readonly timeoutMs?: number
  /** Waited for on the way to and back from Redis and the primary. */
  readonly delay?: () => Promise<void>
  readonly budgets?: Partial<BudgetOptions>
  /** Keys that one interval reports; 0 counts no reads. */
  readonly topKeys?: number
}

const noDelay = async (): Promise<void> => undefined

/** One process that reads. */
export class Client {
  readonly pauses = new Pauses()
  readonly occurrences: Occurrence[] = []
  readonly counts = new OccurrenceCounter()
  readonly memory: MemoryLayer | undefined
  readonly sight: Sight
  readonly l2Sight: Sight
  readonly accesses: AccessTally | undefined
  readonly cache: Cache
  redisIsDown = false
  primaryIsDown = false

  constructor(world: World, options: Required<ClientOptions>) {
    const report = (occurrence: Occurrence): void => {
      this.occurrences.push(occurrence)
      this.counts.listener(occurrence)
    }
    this.sight = new Sight({ layer: 'l1', maxLagMs: 60_000, maxClockSkewMs: 1_000, report })
    this.l2Sight = new Sight({ layer: 'l2', maxLagMs: 60_000, maxClockSkewMs: 1_000, report })
    const redis = world.redis.connect()
    const { sight } = this
    this.memory = options.l1
      ? new MemoryLayer({ maxBytes: 1_000_000, sight, redisId: () => redis.redisId(), report })
      : undefined
    this.accesses = options.topKeys > 0 ? new AccessTally(worldCatalog, options.topKeys) : undefined
    this.cache = composeCache({
      catalog: worldCatalog,
      accesses: this.accesses,
      values: this.#values(redis.values, options.delay),
      takeSnapshot: () =>
        this.pauses.around('snapshot', async () => {
          if (this.primaryIsDown) throw new Error('the primary is away')
          await options.delay()
          const { lsn: insertLsn, ...seen } = world.primary.watermark()
          const taken = { ...seen, insertLsn, inRecovery: false }
          await options.delay()
          return taken
        }),
      realm: 'world',
      tokenWaitMs: 200,
      l1: this.memory && { memory: this.memory, sight: this.sight },
      l2Sight: this.l2Sight,
      budgets: budgetsOf(worldCatalog, { l1: { maxLagMs: 60_000 }, l2: { maxLagMs: 60_000 }, ...options.budgets }),
      loadLimit: options,
      report,
      invalidate: async (tags, rotate) => {
        await rotate()
        world.publish(...tags)
      },
      register: async () => undefined,
      close: async () => undefined,
    })
    this.l2Sight.measured(0)
    this.l2Sight.expectPartitions(1)
    this.l2Sight.heard(0, world.primary.watermark())
    if (this.memory) {
      this.sight.measured(0)
      this.sight.expectPartitions(1)
      this.sight.heard(0, world.primary.watermark())
    }
  }

  /** Once the client has asked the primary for its clock, which it does by a snapshot at its start. */
  async clockRead(): Promise<void> {
    await expect.poll(() => this.pauses.passed.get('snapshot')).toBe(1)
  }

  /** Taken for fills. */
  get snapshots(): number {
    return (this.pauses.passed.get('snapshot') ?? 0) - 1
  }

  #values(real: ValueStore, delay: () => Promise<void>): ValueStore {
    const { pauses } = this
    const command = <T>(step: Parameters<Pauses['around']>[0], send: () => Promise<T>): Promise<T> =>
      pauses.around(step, async () => {
        if (this.redisIsDown) throw new ValuesUnavailableError(step, 'it is away')
        await delay()
        const answer = await send()
        await delay()
        return answer
      })
    return {
      read: (...given) => command('read', () => real.read(...given)),
      generations: (...given) => command('generations', () => real.generations(...given)),
      openWindows: (...given) => command('windows', () => real.openWindows(...given)),
      capture: (...given) => command('capture', () => real.capture(...given)),
      rotate: (...given) => real.rotate(...given),
      store: (...given) => command('store', () => real.store(...given)),
      catalogInForce: (...given) => command('look', () => real.catalogInForce(...given)),
      addresses: () => real.addresses(),
      applied: () => real.applied(),
    }
  }
}
