import { leastApplied, type AppliedWatermark } from '@freshet/coherence'
import { encodeApplied, type Topics, type WatermarkRecord } from '@freshet/events'
import type { BatchProducer, KafkaPort, TopicPartition } from '@freshet/kafka'
import type { FenceSession } from '@freshet/redis'
import type { Occurrences } from '@freshet/service-kit'
import type { InvalidationOccurrences } from '../occurrences.js'

type Watermark = Pick<WatermarkRecord, 'lsn' | 'snapshot' | 'systemId' | 'timeline' | 'databaseTime'>

/** Publishes how far everything is applied: the least watermark over all partitions, whoever consumes them. */
export class AppliedWatermarks {
  private published: AppliedWatermark | undefined
  private expected: readonly TopicPartition[] = []

  constructor(
    private readonly kafka: KafkaPort,
    private readonly producer: BatchProducer,
    private readonly topics: Topics,
    private readonly source: string,
    private readonly occurrences: Occurrences<InvalidationOccurrences>,
  ) {}

  /** Names the partitions that have to be applied, each, before anything is vouched for. */
  async expect(session: FenceSession, partitions: readonly TopicPartition[]): Promise<void> {
    this.expected = partitions
    await session.expectApplied(partitions)
  }

  /** All that stands before this watermark on these partitions is fenced, announced, and behind the cursor. */
  async note(session: FenceSession, places: readonly TopicPartition[], mark: Watermark): Promise<void> {
    const { lsn, snapshot, systemId, timeline, databaseTime } = mark
    await session.expectApplied(this.expected) // Redis may have been emptied, and one partition does not speak for all
    const watermark = { lsn, snapshot, systemId, timeline, databaseTimeMs: databaseTime }
    await session.noteApplied(places.map((place) => ({ ...place, watermark })))
    const least = leastApplied((await session.appliedWatermarks()).values())
    if (!least || (this.published && !isNewer(least, this.published))) return
    this.published = least
    await this.publish(least, session.redisId())
    this.occurrences.emit('watermark:applied', { lsn: least.lsn, databaseTimeMs: least.databaseTimeMs })
  }

  private async publish(least: AppliedWatermark, redis: string | undefined): Promise<void> {
    const { lsn, snapshot, systemId, timeline, databaseTimeMs } = least
    const encoded = encodeApplied({
      source: this.source,
      lsn,
      snapshot,
      systemId,
      timeline,
      databaseTime: databaseTimeMs,
      redis,
    })
    const partitions = await this.kafka.admin.partitionsOf(this.topics.invalidations)
    await this.producer.send(
      Array.from({ length: partitions }, (_, partition) => ({
        topic: this.topics.invalidations,
        partition,
        ...encoded,
      })),
    )
  }
}

/** At the same LSN a later clock is news too: an idle database stands still, and its readers must know that it does. */
const isNewer = (mark: AppliedWatermark, than: AppliedWatermark): boolean =>
  mark.systemId !== than.systemId ||
  mark.timeline !== than.timeline ||
  mark.lsn > than.lsn ||
  mark.databaseTimeMs > than.databaseTimeMs
