import { leastApplied } from '@freshet/coherence'
import type { KafkaPort } from '@freshet/kafka'
import { formatLsn } from '@freshet/pgoutput'
import type { CatalogInForce, FenceSession } from '@freshet/redis'

/** One partition of a topic that fences come from. */
export interface PartitionStatus {
  readonly topic: string
  readonly partition: number
  /** The next offset whose fences Redis does not hold; undefined when there is no cursor, which is a gap. */
  readonly cursor: string | undefined
  /** Records behind the cursor. */
  readonly waiting: string | undefined
  /** Everything up to here is fenced. */
  readonly appliedLsn: string | undefined
  /** How old the database's clock was in that watermark, in milliseconds. */
  readonly appliedAgeMs: number | undefined
}

export interface SlotStatus {
  readonly name: string
  readonly active: boolean
  readonly confirmedLsn: string | undefined
  /** Log that Postgres keeps for the listener. */
  readonly lagBytes: string
  readonly walStatus: string
}

export interface Status {
  readonly slot: SlotStatus | undefined
  /** All partitions together vouch for this. */
  readonly applied: { readonly lsn: string; readonly ageMs: number } | undefined
  readonly partitions: readonly PartitionStatus[]
  readonly catalogs: readonly CatalogInForce[]
}

/** A database that answers. */
export interface Queryable {
  query(text: string, values: readonly unknown[]): Promise<{ rows: readonly Record<string, unknown>[] }>
}

const slotQuery = `
  select slot_name, active, confirmed_flush_lsn::text, coalesce(wal_status, 'lost') as wal_status,
         coalesce(pg_current_wal_lsn() - confirmed_flush_lsn, 0)::text as lag_bytes
    from pg_replication_slots where slot_name = $1`

/** How far each part has come, as Postgres, Kafka and Redis know it. */
export async function readStatus(
  parts: { readonly sql: Queryable; readonly kafka: KafkaPort; readonly redis: FenceSession },
  slotName: string,
): Promise<Status> {
  const [slot, marks, catalogs] = await Promise.all([
    readSlot(parts.sql, slotName),
    parts.redis.appliedWatermarks(),
    parts.redis.catalogsInForce(),
  ])
  const least = leastApplied(marks.values())
  const topics = [...new Set([...marks.keys()].map((name) => name.slice(0, name.lastIndexOf('/'))))].sort()
  const partitions = await Promise.all(
    topics.map(async (topic) => {
      const [cursors, offsets] = await Promise.all([parts.redis.cursors(topic), parts.kafka.admin.offsets(topic)])
      return offsets.map(({ partition, high }): PartitionStatus => {
        const cursor = cursors.get(partition)
        const mark = marks.get(`${topic}/${partition}`)
        return {
          topic,
          partition,
          cursor: cursor?.offset.toString(),
          waiting: cursor && (high - cursor.offset).toString(),
          appliedLsn: mark && formatLsn(mark.lsn),
          appliedAgeMs: mark && Date.now() - mark.databaseTimeMs,
        }
      })
    }),
  )
  const applied = least && { lsn: formatLsn(least.lsn), ageMs: Date.now() - least.databaseTimeMs }
  return { slot, applied, partitions: partitions.flat(), catalogs }
}

async function readSlot(sql: Queryable, name: string): Promise<SlotStatus | undefined> {
  const { rows } = await sql.query(slotQuery, [name])
  const [row] = rows
  if (!row) return undefined
  return {
    name,
    active: row['active'] === true,
    confirmedLsn: typeof row['confirmed_flush_lsn'] === 'string' ? row['confirmed_flush_lsn'] : undefined,
    lagBytes: String(row['lag_bytes']),
    walStatus: String(row['wal_status']),
  }
}
