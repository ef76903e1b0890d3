import {
  encodeDeadLetter,
  encodeInvalidation,
  encodeWarmRequest,
  UnreadableRecordError,
  type KeyParameter,
  type Topics,
} from '@freshet/events'
import type { BatchProducer, IncomingBatch, OutgoingRecord } from '@freshet/kafka'
import type { Refresh } from '@freshet/planner'
import type { TakeFloor } from '@freshet/redis'
import type { Occurrences } from '@freshet/service-kit'
import { concatMap, defer, ignoreElements, map, tap, type Observable } from 'rxjs'
import type { BoundParameters } from '@freshet/cache-keys'
import type { CatalogDirectory } from '../catalogs/catalog-directory.js'
import type { CatalogsInForce } from '../catalogs/catalogs-in-force.js'
import type { ForeignReader } from '../foreign/foreign-reader.js'
import type { Gaps } from '../gaps/gaps.js'
import type { InvalidationOccurrences } from '../occurrences.js'
import type { Partitions, Standing } from '../partitions/partitions.js'
import type { HotTarget } from '../scheduling/hot-index.js'
import type { ScheduledRefresh } from '../scheduling/refresh-schedule.js'
import type { Scheduling } from '../scheduling/scheduling.js'
import type { AppliedWatermarks } from '../watermarks/applied-watermarks.js'
import type { RecentRecords } from '../watermarks/recent-records.js'
import { decodeBatch, readBatch, type DecodedRecord, type Reading } from './reading.js'

/** One batch on its way through the steps of R7. */
interface Work {
  readonly batch: IncomingBatch
  readonly standing: Standing
  readonly reading: Reading
  readonly arrivedAt: number
  /** When the last generation was rotated, in milliseconds since 1970. */
  readonly fencedAt: number
  readonly hot: readonly HotTarget[]
  readonly scheduled: number
}

/** How long a warm request may wait before nobody wants it any more. */
const warmWithinMs = 60_000

/** Of warm requests, the higher the sooner: readers wait for strict hot keys, later for hot ones with a window. */
const priorities = { strict: 2, window: 1, warm: 0 }

/**
 * A batch is one item: read and planned whole, then applied in the order of R7, each step behind the reply of the one
 * before. The batches of one partition follow each other; an error anywhere leaves the cursor where it was.
 */
export class BatchPipeline {
  constructor(
    private readonly parts: {
      readonly directory: CatalogDirectory
      readonly foreignReader: ForeignReader
      readonly partitions: Partitions
      readonly gaps: Gaps
      readonly catalogs: CatalogsInForce
      readonly records: RecentRecords
      readonly applied: AppliedWatermarks
      readonly scheduling: Scheduling
      readonly producer: BatchProducer
      readonly takeFloor: TakeFloor
      readonly topics: Topics
      readonly source: string
      readonly occurrences: Occurrences<InvalidationOccurrences>
    },
  ) {}

  /** Completes once the batch's cursor has moved and its watermark is noted. */
  handle(batch: IncomingBatch): Observable<never> {
    return defer(() => this.read(batch)).pipe(
      concatMap((work) => this.fence(work)),
      concatMap((work) => this.announce(work)),
      concatMap((work) => this.closeGaps(work)),
      concatMap((work) => this.moveCursor(work)),
      concatMap((work) => this.noteWatermark(work)),
      tap((work) => this.tell(work)),
      ignoreElements(),
      map((nothing: never) => nothing),
    )
  }

  private async read(batch: IncomingBatch): Promise<Work> {
    const { directory, partitions } = this.parts
    const standing = partitions.standing(batch.topic, batch.partition)
    const arrivedAt = Date.now()
    const isForeign = directory.foreign.has(batch.topic)
    const records = isForeign ? await this.parts.foreignReader.decode(batch) : decodeBatch(batch)
    await this.learn(records)
    const newest = records.some(isUnreadable) ? (await this.parts.takeFloor()).floor : undefined
    const { repeatsUntil } = standing
    const templates = () => directory.templatesOf(batch.topic)
    const view = { planner: directory.planner, templates, newest, repeatsUntil }
    const reading = readBatch(batch, records, standing.cursor, view)
    return { batch, standing, reading, arrivedAt, fencedAt: arrivedAt, hot: [], scheduled: 0 }
  }

  /** Whatever stands behind the record that brings a catalog into force is planned with that catalog, in this batch too. */
  private async learn(records: readonly DecodedRecord[]): Promise<void> {
    for (const { content } of records)
      if ('kind' in content && content.kind === 'gap' && content.scope.kind === 'catalog')
        await this.parts.catalogs.learn(content.scope)
  }

  /** R7, steps 1 and 2: the recent records, then the generations, which open windows for the hot keys as they end. */
  private async fence(work: Work): Promise<Work> {
    const { fences } = work.reading
    if (fences.isEmpty) return work
    const { session } = work.standing
    const { scheduling } = this.parts
    const shards = fences.shardFences((tag, isRepeat) => scheduling.windowsOf(tag, isRepeat))
    await session.fence(shards)
    this.parts.records.fenced(shards.map(({ shard }) => shard))
    if (fences.crowded.length > 0) await session.gap(fences.crowded, this.parts.takeFloor) // busy until swept
    const fencedAt = Date.now()
    if (fences.evictions.length > 0) await session.evict(fences.evictions)
    return { ...work, fencedAt, hot: scheduling.hotAmong(fences.tags) }
  }

  /** R7, step 3: every process's memory, the warmer, and dead letters, acknowledged. */
  private async announce(work: Work): Promise<Work> {
    const { producer, scheduling } = this.parts
    const refreshes = scheduling.refreshesOf(work.hot, work.fencedAt)
    const records = [...this.invalidations(work), ...this.warmRequests(work, refreshes), ...this.deadLetters(work)]
    if (records.length > 0) await producer.send(records)
    scheduling.asked(refreshes, work.fencedAt)
    return { ...work, scheduled: refreshes.length }
  }

  /** R9, behind the batch's own fences: a gap in it covers all that stands before. */
  private async closeGaps(work: Work): Promise<Work> {
    const { gaps, catalogs, directory } = this.parts
    const { batch, reading } = work
    const { session } = work.standing
    const partition = `${batch.topic}/${batch.partition}`
    const { planner } = directory
    for (const cause of reading.impliedGaps)
      await gaps.apply(session, cause, partition, directory.templatesOf(batch.topic))
    for (const gap of reading.announcedGaps) {
      const { scope, cause } = gap
      if (scope.kind === 'catalog') await catalogs.pass(session, partition, gap, scope)
      else if (scope.kind === 'tables')
        await gaps.apply(session, cause, scope.tables.join(), planner.templatesOf(scope.tables))
      else await gaps.apply(session, cause, 'all', planner.allTemplates())
    }
    return work
  }

  /** R7, last. */
  private async moveCursor(work: Work): Promise<Work> {
    const { topic, partition } = work.batch
    await this.parts.partitions.move(topic, partition, work.standing, work.reading.cursor)
    return work
  }

  private async noteWatermark(work: Work): Promise<Work> {
    const { topic, partition } = work.batch
    const { watermark } = work.reading
    if (!watermark) return work
    await this.parts.applied.note(work.standing.session, [{ topic, partition }], watermark)
    await this.parts.records.prune(work.standing.session, watermark)
    return work
  }

  private invalidations({ reading, fencedAt }: Work): OutgoingRecord[] {
    const { source, topics } = this.parts
    return reading.fences.announcements.map(({ shard, tags, commit }) => ({
      topic: topics.invalidations,
      ...encodeInvalidation({ source, shard, tags, cause: 'change', ...(commit && { commit }), fencedAt }),
    }))
  }

  /** What is hot by its schedule, and of templates that are always warm the rest at once. */
  private warmRequests({ reading, fencedAt, hot }: Work, scheduled: readonly ScheduledRefresh[]): OutgoingRecord[] {
    const { source, topics } = this.parts
    const isHot = ({ owner, template, key }: Refresh): boolean =>
      hot.some((each) => each.key === key && each.template.name === template && each.template.owner === owner)
    const asked = [
      ...reading.fences.refreshes
        .filter((refresh) => !isHot(refresh))
        .map((refresh) => ({
          ...refresh,
          priority: priorities.warm,
          notBefore: fencedAt,
          deadline: fencedAt + warmWithinMs,
        })),
      ...scheduled.map(({ target: { template, key, parameters }, notBefore, deadline }) => ({
        owner: template.owner,
        template: template.name,
        key,
        parameters,
        priority: template.staleWhileRevalidateMs === 0 ? priorities.strict : priorities.window,
        notBefore,
        deadline,
      })),
    ]
    return asked.map((request) => ({
      topic: topics.warmRequests,
      ...encodeWarmRequest({ ...request, source, parameters: asSent(request.parameters) }),
    }))
  }

  private deadLetters({ reading }: Work): OutgoingRecord[] {
    const { source, topics } = this.parts
    return reading.unreadable.map(({ record, reason }) => ({
      topic: topics.deadLetters,
      ...encodeDeadLetter({
        source,
        original: record.value ?? Buffer.alloc(0),
        ...(record.key && { originalKey: record.key }),
        originalHeaders: record.headers,
        reason,
        sourceTopic: record.topic,
        sourcePartition: record.partition,
        sourceOffset: record.offset,
        attempts: 1,
      }),
    }))
  }

  private tell({ batch, reading, arrivedAt, fencedAt, hot, scheduled }: Work): void {
    const { occurrences } = this.parts
    const { topic, partition } = batch
    for (const { record, reason } of reading.unreadable)
      occurrences.emit('record:dead-lettered', { topic, partition, offset: record.offset, reason })
    const oldest = reading.fences.oldestCommit
    occurrences.emit('batch:applied', {
      topic,
      partition,
      records: batch.records.length,
      changes: reading.changes,
      tagsFenced: reading.fences.tagCount,
      hotKeysFenced: hot.length,
      refreshesScheduled: scheduled,
      ...(oldest && { commitToFenceMs: fencedAt - oldest.at }),
      tookMs: Date.now() - arrivedAt,
    })
  }
}

const isUnreadable = ({ content }: DecodedRecord): boolean => content instanceof UnreadableRecordError

/** JSON has no bigint, and no date: an int8 travels as decimal text. */
const asSent = (parameters: BoundParameters): Record<string, KeyParameter> =>
  JSON.parse(
    JSON.stringify(parameters, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  ) as Record<string, KeyParameter>
