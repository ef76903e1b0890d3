import { foreignTopics, type CatalogJson, type DebeziumTopicJson } from '@freshet/catalog'
import { UnreadableRecordError } from '@freshet/events'
import type { IncomingBatch } from '@freshet/kafka'
import { lsn, xid } from '@freshet/pgoutput'
import type { ColumnFacts, TableFacts } from '@freshet/postgres'
import { describe, expect, it } from 'vitest'
import type { CatalogDirectory } from '../../src/catalogs/catalog-directory.js'
import { ForeignReader } from '../../src/foreign/foreign-reader.js'

const topic = 'shop.public.payments'
const json = (from: DebeziumTopicJson): CatalogJson => ({
  format: 1,
  owner: 'billing',
  version: '1',
  tables: {
    'public.payments': {
      entity: 'payment',
      key: ['id'],
      columns: { id: 'id', memberId: 'member_id', amount: 'amount' },
      from,
    },
  },
  events: { 'invoice.voided': { parameters: { memberId: 'int8' }, topic: 'billing.invoices' } },
  templates: {},
  rules: [],
})
const here = json({ debezium: topic, slot: 'debezium' })
const elsewhere = json({ debezium: topic, types: { id: 'int8', memberId: 'int8' } })

const column = (name: string, typeName: string, kind: ColumnFacts['kind']): [string, ColumnFacts] => [
  name,
  { name, typeName, kind, typeOid: 0, unbounded: false, notNull: true, generated: undefined },
]
const payments = (identity: TableFacts['identity']): TableFacts => ({
  name: 'public.payments',
  oid: 1,
  kind: 'table',
  persistence: 'permanent',
  owner: 'postgres',
  owned: true,
  columns: new Map([
    column('id', 'bigint', 'integer'),
    column('member_id', 'integer', 'integer'),
    column('amount', 'numeric(10,2)', undefined),
  ]),
  primaryKey: { columns: ['id'], deferrable: false },
  identity,
  uniqueIndexes: [],
  leaves: [],
  roots: [],
  children: [],
  restrictedBy: [],
})
const byKey = payments({ setting: 'default', columns: ['id'] })
const whole = payments({ setting: 'full', columns: 'all' })

interface World {
  readonly json?: CatalogJson
  /** Another catalog, whether it is in force or not. */
  readonly beside?: CatalogJson
  readonly facts?: TableFacts
  readonly steps?: string[]
}

/** A reader of one catalog's topics; transactions up to 2^32 + 1,000 have begun, and the log ends at 900. */
function reader({ json: declared = here, beside, facts = byKey, steps = [] }: World): ForeignReader {
  const catalogs = [declared, ...(beside ? [beside] : [])].map((json) => ({ json }))
  const directory = {
    caughtUp: async () => void steps.push('catalogs'),
    foreign: new Map(foreignTopics(catalogs).map((each) => [each.topic, each])),
  } as unknown as CatalogDirectory
  const database = {
    describe: async () => {
      steps.push('tables')
      return [facts]
    },
    snapshot: () => Promise.reject(new Error('nobody asks for a snapshot')),
    slot: async () => undefined,
  }
  const takeFloor = async () => {
    steps.push('floor')
    return { floor: xid(2n ** 32n + 1_000n), pruned: lsn(900n) }
  }
  return new ForeignReader(directory, database, takeFloor, 1_000)
}

const batchOf = (values: readonly unknown[], of = topic): IncomingBatch => ({
  topic: of,
  partition: 0,
  firstOffset: 0n,
  nextOffset: BigInt(values.length),
  highWatermark: BigInt(values.length),
  records: values.map((value, offset) => ({
    topic: of,
    partition: 0,
    offset: BigInt(offset),
    key: null,
    value: value === null ? null : Buffer.from(JSON.stringify(value)),
    headers: {},
    timestampMs: 0,
  })),
})
const source = { txId: 758, ts_ms: 1_795_885_511_335, snapshot: 'false' }
const row = { id: 1, member_id: 42, amount: 'BNI=' }
const contentsOf = async (world: World, ...values: readonly unknown[]) =>
  (await reader(world).decode(batchOf(values))).map(({ content }) => content)

describe('a change from a topic of Debezium', () => {
  it('of this database has its transaction, widened, and the end of the log in place of its position', async () => {
    const [content] = await contentsOf({}, { before: null, after: row, source, op: 'c' })
    expect(content).toMatchObject({
      kind: 'foreign-change',
      change: { table: 'public.payments', operation: 'insert', new: { id: '1', member_id: 42 } },
      commit: { xid: 2n ** 32n + 758n, lsn: 900n, at: source.ts_ms },
    })
  })

  it('is read behind its arrival: all catalogs first, then the end of the log and the tables', async () => {
    const steps: string[] = []
    await contentsOf({ steps }, { before: null, after: row, source, op: 'c' })
    expect(steps[0]).toBe('catalogs')
    expect(steps.slice(1).sort()).toEqual(['floor', 'tables'])
  })

  it('does not tell a value of a type that Debezium writes in a way of its own', async () => {
    const [content] = await contentsOf({}, { before: null, after: row, source, op: 'c' })
    expect(content).not.toHaveProperty('change.new.amount')
  })

  it("tells old values as far as the table's replica identity does", async () => {
    const update = { before: { ...row, member_id: 41 }, after: row, source, op: 'u' }
    const [cut] = await contentsOf({ facts: byKey }, update)
    expect(cut).toMatchObject({ change: { old: { id: '1' }, changed: ['member_id', 'amount'] } })
    expect(cut).not.toHaveProperty('change.old.member_id')
    const [known] = await contentsOf({ facts: whole }, update)
    expect(known).toMatchObject({ change: { old: { id: '1', member_id: 41 }, changed: ['member_id'] } })
  })

  it('of another database has lease strength, the types that are said, and of an old row its key', async () => {
    const steps: string[] = []
    const update = { before: { ...row, member_id: 41 }, after: row, source, op: 'u' }
    const [content] = await contentsOf({ json: elsewhere, steps }, update)
    expect(content).toMatchObject({
      commit: undefined,
      change: { new: { id: '1', member_id: '42' }, old: { id: '1' } },
    })
    expect(content).not.toHaveProperty('change.old.member_id')
    expect(steps).toEqual(['catalogs'])
    const full = json({ debezium: topic, types: { id: 'int8', memberId: 'int8' }, replicaIdentity: 'full' })
    const [known] = await contentsOf({ json: full }, update)
    expect(known).toMatchObject({ change: { old: { member_id: '41' } } })
  })

  it('keeps its strength whatever another catalog says of its topic', async () => {
    const far = { 'far.payments': { ...elsewhere.tables['public.payments'] } } as CatalogJson['tables']
    const contents = await contentsOf(
      { beside: { ...elsewhere, owner: 'other', tables: far } },
      { before: null, after: row, source, op: 'c' },
    )
    expect(contents).toMatchObject([
      { change: { table: 'public.payments' }, commit: { xid: 2n ** 32n + 758n } },
      { change: { table: 'far.payments' }, commit: undefined },
    ])
  })

  it('that names no transaction, or one that has not begun, cannot be believed', async () => {
    const unread = await contentsOf(
      {},
      { before: null, after: row, source: { ...source, txId: null }, op: 'c' },
      { before: null, after: row, source: { ...source, txId: 1_000 }, op: 'c' },
      { id: 1 },
    )
    expect(unread.every((content) => content instanceof UnreadableRecordError)).toBe(true)
    expect(unread.map((content) => (content as UnreadableRecordError).reason)).toEqual([
      expect.stringMatching(/names no transaction/),
      expect.stringMatching(/has not begun/),
      expect.stringMatching(/must not unwrap/),
    ])
  })

  it('is nothing for a tombstone, and a loss of history for a snapshot', async () => {
    const snapshot = { before: null, after: row, source: { ...source, snapshot: 'true' }, op: 'r' }
    expect(await contentsOf({}, null, snapshot)).toMatchObject([{ kind: 'unknown' }, { kind: 'foreign-snapshot' }])
  })
})

it('an event from a declared topic has lease strength', async () => {
  const decoded = await reader({}).decode(batchOf([{ memberId: 42 }, 'nonsense'], 'billing.invoices'))
  expect(decoded.map(({ content }) => content)).toEqual([
    { kind: 'foreign-event', event: { name: 'invoice.voided', parameters: { memberId: 42 } } },
    expect.any(UnreadableRecordError),
  ])
})

it('a topic that no catalog names any more says nothing', async () => {
  expect(await reader({}).decode(batchOf([row], 'someone.elses'))).toEqual([])
})
