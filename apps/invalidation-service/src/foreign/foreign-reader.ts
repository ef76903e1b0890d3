import { strengthOf, type EventSource, type ForeignTopic, type Strength } from '@freshet/catalog'
import { readDebezium, readSentEvent, UnreadableRecordError, type ForeignColumns } from '@freshet/events'
import type { IncomingBatch, IncomingRecord } from '@freshet/kafka'
import { widenXid } from '@freshet/pgoutput'
import type { Change, Commit, EmittedEvent } from '@freshet/planner'
import type { TakeFloor } from '@freshet/redis'
import type { TakenFloor } from '@freshet/coherence'
import type { DecodedRecord } from '../batch/reading.js'
import type { CatalogDirectory } from '../catalogs/catalog-directory.js'
import { foreignColumns } from './foreign-columns.js'
import type { ForeignDatabase } from './foreign-database.js'

/** What a record of somebody else's topic means. Without a commit it has lease strength. */
export type ForeignContent =
  | { readonly kind: 'foreign-change'; readonly change: Change; readonly commit: Commit | undefined }
  | { readonly kind: 'foreign-event'; readonly event: EmittedEvent }
  /** The connector has begun anew, and changes may have been missed. */
  | { readonly kind: 'foreign-snapshot' }

/** How a table's rows are read. */
interface ReadTable {
  readonly table: string
  readonly columns: ForeignColumns
  readonly strength: Strength
}

const nothing = { kind: 'unknown', type: undefined } as const

/**
 * Reads batches of topics that others write. Nothing in such a topic says which catalogs are in force, and no commit's
 * position, so both are asked for behind the batch's arrival:
 * - the catalogs' topic is read to its end, so that a change is planned with every catalog that came into force before
 *   its commit;
 * - the log's end is at or above the position of every commit in the batch, and stands for it in the recent records;
 * - the tables' columns and replica identities: had they changed since a record was written, the watermarks' fingerprint
 *   tells of it by a gap, which covers what was read wrongly.
 */
export class ForeignReader {
  constructor(
    private readonly directory: CatalogDirectory,
    private readonly database: ForeignDatabase,
    private readonly takeFloor: TakeFloor,
    private readonly waitForCatalogsMs: number,
  ) {}

  /** Throws CatalogsBehindError, or the database's error; the batch then comes again. */
  async decode(batch: IncomingBatch): Promise<readonly DecodedRecord[]> {
    await this.directory.caughtUp(this.waitForCatalogsMs)
    const topic = this.directory.foreign.get(batch.topic)
    if (topic === undefined) return [] // its catalog was retired since
    const [tables, floor] = await Promise.all([
      this.tablesOf(topic),
      topic.strength === 'full' ? this.takeFloor() : undefined,
    ])
    const events = topic.sources.filter((source) => source.kind === 'event')
    return batch.records.flatMap((record) => [
      ...tables.map((table) => ({ record, content: readable(record, () => changeOf(record, table, floor)) })),
      ...(events.length > 0 ? [{ record, content: readable(record, () => eventOf(record, events)) }] : []),
    ])
  }

  private async tablesOf({ sources }: ForeignTopic): Promise<readonly ReadTable[]> {
    const debezium = sources.filter((source) => source.kind === 'debezium')
    const here = debezium.filter((source) => strengthOf(source) === 'full').map(({ table }) => table)
    const facts = here.length > 0 ? await this.database.describe([...new Set(here)]) : []
    return [...Map.groupBy(debezium, ({ table }) => table)].map(([table, declared]) => ({
      table,
      strength: here.includes(table) ? 'full' : 'lease',
      columns: foreignColumns(
        declared,
        facts.find(({ name }) => name === table),
      ),
    }))
  }
}

function readable<Content>(record: IncomingRecord, read: () => Content): Content | UnreadableRecordError {
  try {
    return read()
  } catch (error) {
    if (error instanceof UnreadableRecordError) return error
    throw error
  }
}

function changeOf(
  { value, topic }: IncomingRecord,
  { table, columns, strength }: ReadTable,
  floor: TakenFloor | undefined,
): ForeignContent | typeof nothing {
  const read = readDebezium(value, columns, topic)
  if (read.kind === 'nothing') return nothing
  if (read.kind === 'snapshot') return { kind: 'foreign-snapshot' }
  const { operation, old, new: fresh, changed, transaction } = read
  const change: Change = { table, operation, old, new: fresh, changed }
  if (strength === 'lease' || floor === undefined) return { kind: 'foreign-change', change, commit: undefined }
  if (transaction === undefined)
    throw new UnreadableRecordError('wrong-shape', 'source.txId: the record names no transaction', topic)
  const xid = widenXid(transaction.xid32, floor.floor)
  if (xid >= floor.floor)
    throw new UnreadableRecordError(
      'wrong-shape',
      `source.txId: transaction ${xid} has not begun; are the topic and its slot of this database?`,
      topic,
    )
  return { kind: 'foreign-change', change, commit: { xid, lsn: floor.pruned, at: transaction.at } }
}

function eventOf(
  { value, headers, topic }: IncomingRecord,
  events: readonly EventSource[],
): ForeignContent | typeof nothing {
  const declared = [...new Set(events.map(({ event }) => event))]
  const sent = readSentEvent(value, headers, declared, topic)
  return sent ? { kind: 'foreign-event', event: sent } : nothing
}
