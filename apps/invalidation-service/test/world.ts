import { catalog, key, table, wildcard } from '@freshet/catalog'
import {
  encodeAccessStats,
  encodeCatalog,
  encodeCatalogStatus,
  encodeChange,
  encodeGap,
  encodeWatermark,
  topics as topicNames,
  topicSpecs,
  decode,
  type Decoded,
  type Draft,
  type GapRecord,
  type WatermarkRecord,
} from '@freshet/events'
import type { BatchConsumer, KafkaPort, OutgoingRecord } from '@freshet/kafka'
import { lsn, xid } from '@freshet/pgoutput'
import type { FenceSession, FenceStore } from '@freshet/redis'
import { Occurrences } from '@freshet/service-kit'
import { FakeKafkaServer, FakeRedisServer } from '@freshet/testing'
import { lastValueFrom } from 'rxjs'
import { onTestFinished } from 'vitest'
import { InvalidationEngine } from '../src/engine.js'
import type { ForeignDatabase } from '../src/foreign/foreign-database.js'
import type { HotKeysSettings } from '../src/hot-keys/hot-keys.js'
import type { InvalidationOccurrences } from '../src/occurrences.js'

export const keys = {
  balance: key('member:{id}:balance', { ttl: '1h' }).returns<number>(),
  list: key('members:list:{query}', { ttl: '1h', staleWhileRevalidate: '10s' }).returns<string[]>(),
}
const members = table('public.members', { entity: 'member', key: ['id'], columns: { id: 'id' } })

export const worldCatalog = catalog('world', {
  version: '1',
  keys,
  rules: [
    members.any.fences((member) => [keys.balance.of({ id: member.id }), wildcard('members:list:*')], {
      evict: 'legacy:{id}',
    }),
  ],
})

const { owner, version, fingerprint } = worldCatalog
const source = 'freshet/test'
const partitions = 2
const topics = topicNames()

/** No catalog of this world has a topic of somebody else. */
const noConnectors: ForeignDatabase = {
  describe: async () => [],
  snapshot: () => Promise.reject(new Error('nobody asks for a snapshot')),
  slot: async () => undefined,
}

/** A step as it reached a server: a method of the session, or `publish`. */
export type Step = keyof FenceSession | 'publish'

/** The service over servers in memory, with a listener's records written by hand. */
export class World {
  readonly kafka = new FakeKafkaServer()
  readonly redis = new FakeRedisServer()
  readonly occurrences = new Occurrences<InvalidationOccurrences>()
  /** Every step, in order. */
  readonly steps: Step[] = []
  /** Throws, and so fails the step. */
  before: (step: Step) => void = () => undefined
  /** Until it resolves, catalogs are not heard of. */
  catalogsMayBeHeard: Promise<void> = Promise.resolve()
  private floor = 1_000n
  private clock = 0n
  private readonly sequences = [0n, 0n]

  private constructor() {
    this.kafka.connect()
  }

  static async open(): Promise<World> {
    const world = new World()
    const port = world.kafka.connect()
    await port.admin.ensureTopics(topicSpecs('', ['member'], { partitions }))
    onTestFinished(() => port.close())
    return world
  }

  /** Starts the service and reads what is there. */
  async start(waitForCatalogMs = 1_000, hotKeys?: HotKeysSettings): Promise<InvalidationEngine> {
    const kafka = this.watchedKafka(this.kafka.connect())
    const engine = await InvalidationEngine.start({
      kafka,
      store: this.watchedStore(this.redis.connect().fences),
      takeFloor: async () => ({ floor: xid((this.floor += 1n)), pruned: lsn(this.clock) }),
      database: noConnectors,
      namespace: 'test',
      topicPrefix: '',
      occurrences: this.occurrences,
      waitForCatalogMs,
      ...(hotKeys && { hotKeys }),
    })
    const consumer: BatchConsumer = kafka.consumer({
      groupId: 'service',
      topics: [topics.changes('member')],
      positions: (topic, wanted) => engine.positions(topic, wanted),
      onBatch: async (batch) => lastValueFrom(engine.handle(batch), { defaultValue: undefined }),
      onOffsetOutOfRange: (topic, partition, _wanted, first) => engine.offsetOutOfRange(topic, partition, first),
      retryMs: 1,
      retryMaxMs: 10,
    })
    const expecting = engine.topics.subscribe()
    await consumer.start()
    onTestFinished(async () => {
      expecting.unsubscribe()
      await consumer.close()
      await engine.close()
      await kafka.close()
    })
    return engine
  }

  register(): void {
    this.append({ topic: topics.catalogs, ...encodeCatalog({ source, catalog: { ...worldCatalog.json } }) })
  }

  accept(): void {
    const status = { source, state: 'accepted', owner, version, fingerprint, lsn: lsn(1n), parameterKinds: {} } as const
    this.append({ topic: topics.catalogStatus, ...encodeCatalogStatus(status) })
  }

  /** A changed member, as the listener writes it. */
  change(id: number, partition = 0): { readonly xid: bigint } {
    const at = (this.clock += 1n)
    const draft = {
      kind: 'change',
      source,
      entity: 'member',
      table: 'public.members',
      operation: 'update',
      key: { id: String(id) },
      old: { id: String(id) },
      new: { id: String(id) },
      commit: { xid: xid(at), lsn: lsn(at), at: Date.now(), index: 0 },
    } as const
    this.send(partition, encodeChange(draft))
    return { xid: at }
  }

  watermark(partition: number, other: Partial<WatermarkRecord> = {}): void {
    const at = this.clock
    const draft: Draft<WatermarkRecord> = {
      source,
      lsn: lsn(at),
      from: lsn(0n),
      timeline: 1,
      systemId: '7',
      epoch: 'first',
      sequence: (this.sequences[partition] ?? 0n) + 1n,
      snapshot: { xmin: xid(at + 1n), xmax: xid(at + 1n), running: [] },
      databaseTime: Date.now(),
      fingerprint: 'public.members=1',
      ...other,
    }
    this.send(partition, encodeWatermark(draft))
  }

  gap(scope: GapRecord['scope'], gapId = 'gap', onPartitions: readonly number[] = [0, 1]): void {
    const draft: Draft<GapRecord> = {
      source,
      scope,
      cause: scope.kind === 'catalog' ? 'catalog-in-force' : 'first-start',
      gapId,
      lsn: lsn(this.clock),
      partitions: [0, 1].map((partition) => `${topics.changes('member')}/${partition}`),
    }
    for (const partition of onPartitions) this.send(partition, encodeGap(draft))
  }

  catalogGap(gapId = 'gap', onPartitions: readonly number[] = [0, 1]): void {
    this.gap({ kind: 'catalog', owner, version, fingerprint, parameterKinds: {} }, gapId, onPartitions)
  }

  garbage(partition: number, headers: Readonly<Record<string, string>> = {}): void {
    this.send(partition, { key: null, value: '{ this is no JSON', headers })
  }

  /** A client read this key so often, from its memory, in a second that ended so long ago. */
  reads(instance: string, key: string, count: number, agoMs = 0): void {
    const template = key.startsWith('members:list') ? 'list' : 'balance'
    const draft = {
      source,
      instance,
      owner,
      endedAt: Date.now() - agoMs,
      intervalMs: 1_000,
      keys: [{ template, key, count }],
      templates: { [template]: { l1: count, l2: 0, missed: 0 } },
    }
    this.append({ topic: topics.accessStats, ...encodeAccessStats(draft) })
  }

  /** Somebody wrote this to the topic of reports. */
  writesToReports(value: string | null): void {
    this.append({ topic: topics.accessStats, key: 'someone', value })
  }

  end(partition: number): bigint {
    return this.kafka.end(this.kafka.log(topics.changes('member'), partition))
  }

  cursor(partition: number): bigint | undefined {
    return this.redis.cursors.get(topics.changes('member'))?.get(partition)?.offset
  }

  /** Has everything that was sent been applied? */
  get isDone(): boolean {
    return [0, 1].every((partition) => this.cursor(partition) === this.end(partition))
  }

  get inForce(): boolean {
    return this.redis.catalogs.has(`${owner}@${version}`)
  }

  published(topic: 'invalidations' | 'deadLetters' | 'warmRequests'): readonly Decoded[] {
    return this.kafka
      .logs(topics[topic])
      .flatMap(({ records }) => records.map(({ value }) => decode(value, topics[topic])))
  }

  private send(partition: number, record: Omit<OutgoingRecord, 'topic'>): void {
    this.sequences[partition] = (this.sequences[partition] ?? 0n) + 1n
    this.append({ topic: topics.changes('member'), ...record, partition })
  }

  private append(record: OutgoingRecord): void {
    this.kafka.append([record])
  }

  private note(step: Step): void {
    this.steps.push(step)
    this.before(step)
  }

  private watchedStore(store: FenceStore): FenceStore {
    return {
      session: () => this.watchedSession(store.session()),
      onReconnect: (listener) => store.onReconnect(listener),
    }
  }

  private watchedSession(session: FenceSession): FenceSession {
    return new Proxy(session, {
      get: (target, name: keyof FenceSession) => {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function' || name === 'isOver' || name === 'redisId') return method
        return async (...given: unknown[]): Promise<unknown> => {
          this.note(name)
          return Reflect.apply(method, target, given)
        }
      },
    })
  }

  private watchedKafka(port: KafkaPort): KafkaPort {
    return {
      ...port,
      admin: port.admin,
      consumer: (options) => port.consumer(options),
      broadcast: ({ onRecord, ...options }) =>
        port.broadcast({
          ...options,
          onRecord: async (record) => {
            await this.catalogsMayBeHeard
            await onRecord?.(record)
          },
        }),
      close: () => port.close(),
      producer: async (options) => {
        const producer = await port.producer(options)
        return {
          send: async (records) => {
            this.note('publish')
            await producer.send(records)
          },
          close: () => producer.close(),
        }
      },
    }
  }
}
