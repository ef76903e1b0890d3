import { foreignTopics, type CatalogJson } from '@freshet/catalog'
import type { KafkaPort, TopicPartition } from '@freshet/kafka'
import { lsn, xid } from '@freshet/pgoutput'
import type { PrimarySnapshot, SlotFacts } from '@freshet/postgres'
import { Occurrences } from '@freshet/service-kit'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { CatalogDirectory } from '../../src/catalogs/catalog-directory.js'
import { Connectors } from '../../src/foreign/connectors.js'
import type { Gaps } from '../../src/gaps/gaps.js'
import type { InvalidationOccurrences } from '../../src/occurrences.js'
import type { Partitions } from '../../src/partitions/partitions.js'
import type { AppliedWatermarks } from '../../src/watermarks/applied-watermarks.js'

const topic = 'shop.public.payments'
const json = {
  tables: {
    'public.payments': { entity: 'payment', key: ['id'], columns: {}, from: { debezium: topic, slot: 'debezium' } },
  },
} as unknown as CatalogJson

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** One connector with a topic of two partitions, both of which are read here. */
class Scene {
  insertLsn = 100n
  slot: SlotFacts | undefined = {
    name: 'debezium',
    plugin: 'pgoutput',
    database: 'shop',
    active: true,
    readerPid: 7,
    restartLsn: lsn(10n),
    confirmedLsn: lsn(50n),
    walStatus: 'reserved',
    invalidated: undefined,
    retainedBytes: 0,
    failover: false,
  }
  ends = [5n, 8n]
  cursors = [5n, 7n]
  /** Where Redis knows the topic to be whole. */
  marked: bigint | undefined = 20n
  readonly noted: bigint[] = []
  readonly gaps: string[] = []
  /** Partitions that the applied watermark waits for. */
  readonly expected = new Set<number>()

  constructor() {
    const session = {
      expectApplied: async (places: readonly TopicPartition[]) => {
        for (const { partition } of places) this.expected.add(partition)
      },
      appliedWatermarks: async () =>
        new Map(
          this.marked === undefined ? [] : [0, 1].map((at) => [`${topic}/${at}`, { lsn: lsn(this.marked ?? 0n) }]),
        ),
    }
    const connectors = new Connectors({
      directory: {
        foreign: new Map(foreignTopics([{ json }]).map((each) => [each.topic, each])),
        templatesOf: () => [],
      } as unknown as CatalogDirectory,
      database: {
        describe: async () => [],
        snapshot: async () => this.snapshot(),
        slot: async () => this.slot,
      },
      kafka: {
        admin: { offsets: async () => this.ends.map((high, partition) => ({ partition, low: 0n, high })) },
      } as unknown as KafkaPort,
      partitions: {
        offsetsOf: () => new Map(this.cursors.entries()),
        openSession: () => session,
      } as unknown as Partitions,
      gaps: { apply: async (_session: unknown, cause: string) => void this.gaps.push(cause) } as unknown as Gaps,
      applied: {
        note: async (_session: unknown, _places: readonly TopicPartition[], mark: { readonly lsn: bigint }) =>
          void this.noted.push(mark.lsn),
      } as unknown as AppliedWatermarks,
      occurrences: new Occurrences<InvalidationOccurrences>(),
    })
    connectors.start()
    onTestFinished(() => connectors.stop())
  }

  confirm(upTo: bigint): void {
    if (this.slot) this.slot = { ...this.slot, confirmedLsn: lsn(upTo) }
  }

  /** Some rounds go by. */
  async passes(): Promise<void> {
    await vi.advanceTimersByTimeAsync(1_100)
  }

  private snapshot(): PrimarySnapshot {
    return {
      snapshot: { xmin: xid(1n), xmax: xid(1n), running: [] },
      insertLsn: lsn(this.insertLsn),
      databaseTimeMs: 0,
      systemId: '7',
      timeline: 1,
      inRecovery: false,
    }
  }
}

describe("a connector's topic is vouched for", () => {
  it('once its slot has confirmed a snapshot, and every partition has come to where it ended behind that', async () => {
    const scene = new Scene()
    await scene.passes()
    expect(scene.noted).toEqual([])
    scene.confirm(100n)
    scene.insertLsn = 200n // what is committed later is not part of it
    await scene.passes()
    expect(scene.noted).toEqual([]) // one partition is behind
    scene.cursors = [5n, 8n]
    await scene.passes()
    expect(scene.noted).toEqual([100n])
    scene.confirm(200n)
    await scene.passes()
    expect(scene.noted).toContain(200n)
    expect(scene.gaps).toEqual([])
  })

  it('not while its slot is missing, and behind a gap once it is back', async () => {
    const scene = new Scene()
    scene.cursors = [5n, 8n]
    await scene.passes()
    const { slot } = scene
    scene.slot = undefined
    scene.insertLsn = 300n
    await scene.passes()
    scene.slot = slot
    scene.confirm(300n)
    await scene.passes()
    expect(scene.gaps).toEqual(['slot-lost'])
    expect(scene.noted[0]).toBe(300n)
  })

  it('not before a partition that was added is read: it is waited for from the moment on at which it is seen', async () => {
    const scene = new Scene()
    scene.cursors = [5n, 8n]
    scene.ends = [5n, 8n, 3n] // nobody reads the third yet
    scene.confirm(100n)
    await scene.passes()
    expect(scene.expected).toContain(2)
  })

  it('behind one gap, and not one at each look, while its slot has moved on and nobody reads it', async () => {
    const scene = new Scene()
    scene.slot &&= { ...scene.slot, readerPid: undefined, restartLsn: lsn(40n) }
    await scene.passes()
    expect(scene.gaps).toEqual(['slot-lost'])
  })

  it('behind a gap where nothing is known of the time before', async () => {
    const scene = new Scene()
    scene.marked = undefined
    scene.confirm(100n)
    scene.cursors = [5n, 8n]
    await scene.passes()
    expect(scene.gaps).toEqual(['slot-lost'])
    expect(scene.noted[0]).toBe(100n)
  })
})
