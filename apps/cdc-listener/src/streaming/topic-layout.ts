import { topics as topicNames } from '@freshet/events'
import { partitionOf, type KafkaAdmin, type OutgoingRecord, type TopicPartition } from '@freshet/kafka'
import type { WatchedTables } from '../watched-tables.js'

/** An encoded record before it has a place. */
export interface Placeable {
  readonly key: string | null
  readonly value: string
  readonly headers: Readonly<Record<string, string>>
}

/** Which topics there are for entities, and how many partitions each has. */
export class TopicLayout {
  private readonly names: ReturnType<typeof topicNames>
  private readonly counts = new Map<string, number>()

  constructor(topicPrefix: string) {
    this.names = topicNames(topicPrefix)
  }

  /** Reads the partition counts of these entities' topics. Throws UnknownTopicError where one does not exist. */
  async learn(admin: KafkaAdmin, entities: readonly string[]): Promise<void> {
    const topics = entities.flatMap((entity) => [this.changes(entity), this.events(entity)])
    await Promise.all(topics.map(async (topic) => this.counts.set(topic, await admin.partitionsOf(topic))))
  }

  changes(entity: string): string {
    return this.names.changes(entity)
  }

  events(entity: string): string {
    return this.names.events(entity)
  }

  /** Every partition of a topic. */
  partitionsOf(topic: string): TopicPartition[] {
    return Array.from({ length: this.countOf(topic) }, (_, partition) => ({ topic, partition }))
  }

  /** Where watermarks and gaps are written: every partition that the invalidation service reads. */
  controlled({ tables, emitted, foreign }: WatchedTables): TopicPartition[] {
    const topics = new Set([
      ...[...tables.values(), ...foreign].map(({ entity }) => this.changes(entity)),
      ...[...emitted.values()].map(({ entity }) => this.events(entity)),
    ])
    return [...topics].sort().flatMap((topic) => this.partitionsOf(topic))
  }

  /** The partition is named here, not by the producer: a watermark says how many records its partition got. */
  place(topic: string, record: Placeable): OutgoingRecord {
    return { topic, partition: partitionOf(record.key, this.countOf(topic)), ...record }
  }

  private countOf(topic: string): number {
    const count = this.counts.get(topic)
    if (count === undefined) throw new RangeError(`${topic} was never learned`)
    return count
  }
}
