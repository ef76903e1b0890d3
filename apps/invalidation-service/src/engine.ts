import { topics as topicNames } from '@freshet/events'
import type { BatchProducer, IncomingBatch, KafkaPort } from '@freshet/kafka'
import type { FenceStore, TakeFloor } from '@freshet/redis'
import type { Occurrences } from '@freshet/service-kit'
import {
  concatMap,
  defer,
  distinctUntilChanged,
  exhaustMap,
  from,
  map,
  retry,
  switchMap,
  timer,
  type Observable,
} from 'rxjs'
import { BatchPipeline } from './batch/batch-pipeline.js'
import { CatalogDirectory } from './catalogs/catalog-directory.js'
import { CatalogsInForce } from './catalogs/catalogs-in-force.js'
import { Connectors } from './foreign/connectors.js'
import type { ForeignDatabase } from './foreign/foreign-database.js'
import { ForeignReader } from './foreign/foreign-reader.js'
import { Gaps } from './gaps/gaps.js'
import { AccessReader } from './hot-keys/access-reader.js'
import { HotKeys, type HotKeysSettings } from './hot-keys/hot-keys.js'
import type { InvalidationOccurrences } from './occurrences.js'
import { Partitions } from './partitions/partitions.js'
import { Scheduling } from './scheduling/scheduling.js'
import { AppliedWatermarks } from './watermarks/applied-watermarks.js'
import { RecentRecords } from './watermarks/recent-records.js'
import { Upkeep } from './upkeep/upkeep.js'

const nobody: readonly never[] = []

export interface EngineOptions {
  readonly kafka: KafkaPort
  readonly store: FenceStore
  readonly takeFloor: TakeFloor
  readonly database: ForeignDatabase
  readonly namespace: string
  readonly topicPrefix: string
  readonly occurrences: Occurrences<InvalidationOccurrences>
  /** How long a catalog that comes into force may take to appear on its own topic, in milliseconds. */
  readonly waitForCatalogMs?: number
  /** Left out: what clients read is not counted, and no key is hot. */
  readonly hotKeys?: HotKeysSettings
}

/** Who reads the reports, and what comes of them. */
interface HotKeysPart {
  readonly keys: HotKeys
  readonly reader: AccessReader
}

/** The service without its rim: what it does with a batch, where each partition stands, and its upkeep. */
export class InvalidationEngine {
  readonly pipeline: BatchPipeline
  private constructor(
    private readonly kafka: KafkaPort,
    private readonly producer: BatchProducer,
    private readonly directory: CatalogDirectory,
    private readonly partitions: Partitions,
    private readonly upkeep: Upkeep,
    private readonly connectors: Connectors,
    private readonly applied: AppliedWatermarks,
    private readonly hotKeysPart: HotKeysPart | undefined,
    parts: ConstructorParameters<typeof BatchPipeline>[0],
  ) {
    this.pipeline = new BatchPipeline(parts)
  }

  /** Reads all catalogs, then begins its upkeep. */
  static async start(options: EngineOptions): Promise<InvalidationEngine> {
    const { kafka, store, takeFloor, database, namespace, occurrences } = options
    const topics = topicNames(options.topicPrefix)
    const source = `freshet/${namespace}/invalidation-service`
    const producer = await kafka.producer()
    const directory = new CatalogDirectory(kafka, topics, options.topicPrefix, occurrences)
    await directory.start()
    const gaps = new Gaps(takeFloor, producer, topics, source, occurrences)
    const waitForCatalogMs = options.waitForCatalogMs ?? 10_000
    const partitions = new Partitions(store, kafka, directory, gaps, waitForCatalogMs)
    const applied = new AppliedWatermarks(kafka, producer, topics, source, occurrences)
    const records = new RecentRecords(takeFloor, occurrences)
    const catalogs = new CatalogsInForce(directory, gaps, occurrences, waitForCatalogMs)
    const upkeep = new Upkeep(partitions, records, catalogs, occurrences)
    upkeep.start()
    const connectors = new Connectors({ directory, database, kafka, partitions, gaps, applied, occurrences })
    connectors.start()
    const hotKeysPart = openHotKeys(options, topics.accessStats)
    hotKeysPart?.reader.start()
    const parts = {
      directory,
      foreignReader: new ForeignReader(directory, database, takeFloor, waitForCatalogMs),
      partitions,
      gaps,
      catalogs,
      records,
      applied,
      scheduling: new Scheduling(hotKeysPart?.keys ?? { hot: () => nobody }, directory),
      producer,
      takeFloor,
      topics,
      source,
      occurrences,
    }
    return new InvalidationEngine(
      kafka,
      producer,
      directory,
      partitions,
      upkeep,
      connectors,
      applied,
      hotKeysPart,
      parts,
    )
  }

  /** Undefined where reads are not counted. */
  get hotKeys(): HotKeys | undefined {
    return this.hotKeysPart?.keys
  }

  /** Completes once the batch is applied; an error leaves its cursor where it was. */
  handle(batch: IncomingBatch): Observable<never> {
    return this.pipeline.handle(batch)
  }

  positions(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, bigint>> {
    return this.partitions.positions(topic, partitions)
  }

  /**
   * The topics to consume: those of all known catalogs that exist by now. The listener creates a catalog's topics when it
   * admits it, so that a refused catalog has none to wait for.
   */
  get topics(): Observable<readonly string[]> {
    return this.directory.sourceTopics.pipe(
      switchMap((wanted) =>
        timer(0, 500).pipe(
          exhaustMap(() => from(this.kafka.admin.topics()).pipe(retry({ delay: 1_000 }))),
          map((existing) => wanted.filter((topic) => existing.includes(topic))),
        ),
      ),
      distinctUntilChanged((before, after) => before.join() === after.join()),
      concatMap((topics) =>
        defer(() => this.expect(topics)).pipe(
          retry({ delay: 500 }),
          map(() => topics),
        ),
      ),
    )
  }

  /** Is anything to be consumed yet? */
  get hasTopics(): boolean {
    return this.directory.currentSourceTopics.length > 0
  }

  /** Records between the cursor and the log's present start are gone (R9). Returns where to go on. */
  offsetOutOfRange(topic: string, partition: number, first: bigint): Promise<bigint> {
    return this.partitions.skip(topic, partition, first)
  }

  /**
   * Says which partitions the applied watermark has to wait for: not for topics of lease strength, whose records name no
   * position; but also for a connector's topic that is gone, for which one partition stands.
   */
  private async expect(existing: readonly string[]): Promise<void> {
    const { foreign } = this.directory
    const strong = [...foreign.values()].filter(({ strength }) => strength === 'full').map(({ topic }) => topic)
    const topics = [...new Set([...existing.filter((topic) => !foreign.has(topic)), ...strong])]
    const counts = await Promise.all(
      topics.map(async (topic) => (existing.includes(topic) ? this.kafka.admin.partitionsOf(topic) : 1)),
    )
    await this.applied.expect(
      this.partitions.openSession(),
      topics.flatMap((topic, at) => Array.from({ length: counts[at] ?? 0 }, (_, partition) => ({ topic, partition }))),
    )
  }

  async close(): Promise<void> {
    await this.upkeep.stop()
    await this.connectors.stop()
    await this.hotKeysPart?.reader.close()
    await this.directory.close()
    await this.producer.close()
  }
}

function openHotKeys({ kafka, hotKeys, occurrences }: EngineOptions, topic: string): HotKeysPart | undefined {
  if (hotKeys === undefined) return undefined
  const keys = new HotKeys(hotKeys)
  return { keys, reader: new AccessReader(kafka, topic, hotKeys.windowMs, keys, occurrences) }
}
