import { randomUUID } from 'node:crypto'
import { encodeGap, encodeWatermark, type GapRecord } from '@freshet/events'
import type { OutgoingRecord, TopicPartition } from '@freshet/kafka'
import type { Lsn } from '@freshet/pgoutput'
import type { TablesSnapshot } from '@freshet/postgres'

interface PartitionCount {
  /** Records sent on it in this epoch. */
  sequence: bigint
  /** What its last watermark closed. */
  closed: Lsn
}

/**
 * Writes control records and counts what each partition got, so that a reader can see from the offsets whether all of it
 * is there. An epoch begins with the process, and anew when a batch may have been written twice, which spoils the count.
 */
export class Watermarks {
  private epoch = randomUUID()
  /** By topic, then partition. */
  private readonly counts = new Map<string, Map<number, PartitionCount>>()

  constructor(
    private readonly source: string,
    /** What the slot was acknowledged up to: no record before it will come again. */
    private confirmed: Lsn,
  ) {}

  /** A record is about to be sent. A partition is counted from its first watermark on. */
  count({ topic, partition = 0 }: OutgoingRecord): void {
    const count = this.counts.get(topic)?.get(partition)
    if (count) count.sequence += 1n
  }

  confirm(position: Lsn): void {
    this.confirmed = position
  }

  /** Each partition's next watermark is of a new epoch, with sequence 1. */
  beginEpoch(): void {
    this.epoch = randomUUID()
    this.counts.clear()
  }

  /** One for each place: everything up to the snapshot's insert position stands before it. */
  close(taken: TablesSnapshot, places: readonly TopicPartition[]): OutgoingRecord[] {
    return places.map(({ topic, partition }) => {
      const count = this.countOf(topic, partition)
      count.sequence += 1n
      const record = encodeWatermark({
        source: this.source,
        lsn: taken.insertLsn,
        from: count.closed,
        timeline: taken.timeline,
        systemId: taken.systemId,
        epoch: this.epoch,
        sequence: count.sequence,
        snapshot: taken.snapshot,
        databaseTime: taken.databaseTimeMs,
        fingerprint: taken.fingerprint,
      })
      count.closed = taken.insertLsn
      return { topic, partition, ...record }
    })
  }

  /** The same gap for each place. */
  gap(
    gap: Pick<GapRecord, 'scope' | 'cause' | 'lsn'>,
    gapId: string,
    places: readonly TopicPartition[],
  ): OutgoingRecord[] {
    const partitions = places.map(({ topic, partition }) => `${topic}/${partition}`)
    const encoded = encodeGap({ source: this.source, ...gap, gapId, partitions })
    const records = places.map((place) => ({ ...place, ...encoded }))
    for (const record of records) this.count(record)
    return records
  }

  private countOf(topic: string, partition: number): PartitionCount {
    const partitions = this.counts.get(topic) ?? new Map<number, PartitionCount>()
    this.counts.set(topic, partitions)
    const count = partitions.get(partition) ?? { sequence: 0n, closed: this.confirmed }
    partitions.set(partition, count)
    return count
  }
}
