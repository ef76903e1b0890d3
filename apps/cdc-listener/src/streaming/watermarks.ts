import { randomUUID } from 'node:crypto'
import { encodeGap, encodeWatermark, type GapRecord } from '@freshet/events'
import type { OutgoingRecord, TopicPartition } from '@freshet/kafka'
import type { Lsn } from '@freshet/pgoutput'
import type { TablesSnapshot } from '@freshet/postgres'

interface PartitionCount {
  /** Records sent on it in this epoch. */
  sequence: bigint
  /** What its last watermark closed. */
  closed: Lsn | undefined
}

/**
 * Writes control records and counts what each partition got, so that a reader can see from the offsets whether all of it
 * is there. An epoch begins with the process, and anew when a batch may have been written twice, which spoils the count.
 */
export class Watermarks {
  private epoch = randomUUID()
  private readonly counts = new Map<string, PartitionCount>()

  constructor(
    private readonly source: string,
    /** The slot's confirmed position: no record before it will come again. */
    private confirmed: Lsn,
  ) {}

  /** These records are about to be sent. */
  count(records: readonly OutgoingRecord[]): void {
    for (const { topic, partition } of records) {
      const count = this.counts.get(`${topic}/${partition}`)
      if (count) count.sequence += 1n // a partition is counted from its first watermark on
    }
  }

  confirm(position: Lsn): void {
    this.confirmed = position
  }

  beginEpoch(): void {
    this.epoch = randomUUID()
    this.counts.clear()
  }

  /** One for each place: everything up to the snapshot's insert position stands before it. */
  close(taken: TablesSnapshot, places: readonly TopicPartition[]): OutgoingRecord[] {
    return places.map(({ topic, partition }) => {
      const name = `${topic}/${partition}`
      const count = this.counts.get(name) ?? { sequence: 0n, closed: undefined }
      count.sequence += 1n
      const record = encodeWatermark({
        source: this.source,
        lsn: taken.insertLsn,
        from: count.closed ?? this.confirmed,
        timeline: taken.timeline,
        systemId: taken.systemId,
        epoch: this.epoch,
        sequence: count.sequence,
        snapshot: taken.snapshot,
        databaseTime: taken.databaseTimeMs,
        fingerprint: taken.fingerprint,
      })
      count.closed = taken.insertLsn
      this.counts.set(name, count)
      return { topic, partition, ...record }
    })
  }

  /** The same gap for each place. */
  gap(gap: Pick<GapRecord, 'scope' | 'cause' | 'lsn'>, places: readonly TopicPartition[]): OutgoingRecord[] {
    const partitions = places.map(({ topic, partition }) => `${topic}/${partition}`)
    const record = encodeGap({ source: this.source, ...gap, gapId: randomUUID(), partitions })
    const records = places.map((place) => ({ ...place, ...record }))
    this.count(records)
    return records
  }
}
