import type { ChangeRecord, DomainEventRecord } from '@freshet/events'
import { decode } from '@freshet/events'
import type { OutgoingRecord } from '@freshet/kafka'
import { FakeKafkaServer } from '@freshet/testing'
import { TopicLayout } from '../../src/streaming/topic-layout.js'
import type { WatchedTable, WatchedTables } from '../../src/watched-tables.js'

export const partitions = 3

/** `public.members`: key `id`, with `organization_id` in the replica identity, `status` not. */
export const members: WatchedTable = {
  table: 'public.members',
  entity: 'member',
  keyColumns: ['id'],
  watchedColumns: ['id', 'organization_id', 'status'],
  oldColumns: ['id', 'organization_id'],
  partitioned: false,
  events: [{ name: 'member.left', column: 'status', becomes: 'left', values: { id: 'id' } }],
  appendOnly: false,
}

export const watching = (...tables: WatchedTable[]): WatchedTables => ({
  tables: new Map(tables.map((table) => [table.table, table])),
  emitted: new Map([
    ['invoice.voided', { name: 'invoice.voided', entity: 'invoice', parameters: { memberId: 'int8' } }],
  ]),
  foreign: [],
  entities: [...new Set([...tables.map(({ entity }) => entity), 'invoice'])].sort(),
})

/** Topics of these entities, on a broker in memory. */
export async function layoutOf(...entities: string[]): Promise<TopicLayout> {
  const kafka = new FakeKafkaServer().connect()
  const layout = new TopicLayout('')
  const topics = entities.flatMap((entity) => [layout.changes(entity), layout.events(entity)])
  await kafka.admin.ensureTopics(topics.map((topic) => ({ topic, partitions, config: {} })))
  await layout.learn(kafka.admin, entities)
  return layout
}

/** A record as its readers see it. Throws when it is none of a change. */
export function changeOf(record: OutgoingRecord): ChangeRecord {
  const decoded = decode(Buffer.from(record.value ?? ''), record.topic)
  if (decoded.kind !== 'change') throw new Error(`a ${decoded.kind} where a change is due`)
  return decoded
}

export function eventOf(record: OutgoingRecord): DomainEventRecord {
  const decoded = decode(Buffer.from(record.value ?? ''), record.topic)
  if (decoded.kind !== 'event') throw new Error(`a ${decoded.kind} where an event is due`)
  return decoded
}
