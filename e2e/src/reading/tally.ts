import type pg from 'pg'
import { readFromBeginning, type PlainRecord } from './plain-consumer.js'

interface Envelope {
  readonly id: string
  readonly source: string
  readonly type: string
  readonly data: { readonly lsn?: string }
}

/** What stands in one topic of changes. */
export interface Counted {
  /** Records of type `.inserted`, `.updated` or `.deleted`. */
  records: number
  /** The same without those whose source and id were there before. */
  distinct: number
}

/** Counts the changes that topics hold of everything that was committed before the call. */
export async function countChanges(
  pool: pg.Pool,
  brokers: string,
  topics: readonly string[],
  options: { readonly partitions: number; readonly deadlineMs: number },
): Promise<ReadonlyMap<string, Counted>> {
  const { rows } = await pool.query<{ lsn: string }>(
    `select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text as lsn`,
  )
  const tally = new Tally(topics, options.partitions, BigInt(rows[0]?.lsn ?? 0))
  await readFromBeginning(brokers, topics, options.deadlineMs, (records) => tally.take(records))
  return tally.topics
}

/**
 * Counts the changes of topics until each partition shows, by a watermark, that everything up to an LSN stands before it.
 * The exact number is known only then: a count that has been reached may still be passed.
 */
class Tally {
  readonly topics = new Map<string, Counted>()
  private readonly seen = new Set<string>()
  private readonly open: Set<string>

  constructor(
    topics: readonly string[],
    partitions: number,
    private readonly until: bigint,
  ) {
    for (const topic of topics) this.topics.set(topic, { records: 0, distinct: 0 })
    this.open = new Set(
      topics.flatMap((topic) => Array.from({ length: partitions }, (_, index) => `${topic}/${index}`)),
    )
  }

  /** Says which partitions have not come that far. */
  take(records: readonly PlainRecord[]): string | undefined {
    for (const record of records) this.count(record)
    return this.open.size === 0 ? undefined : `no watermark at or above ${this.until} on ${[...this.open].join(', ')}`
  }

  private count({ topic, partition, value }: PlainRecord): void {
    const counted = this.topics.get(topic)
    if (value === null || !counted) return
    const { id, source, type, data } = JSON.parse(value) as Envelope
    if (type === 'freshet.watermark.v1' && BigInt(data.lsn ?? 0) >= this.until)
      this.open.delete(`${topic}/${partition}`)
    if (!/\.(inserted|updated|deleted)$/.test(type)) return
    counted.records += 1
    const name = `${source} ${id}`
    if (this.seen.has(name)) return
    this.seen.add(name)
    counted.distinct += 1
  }
}
