import { describe, expect, it } from 'vitest'
import { catalog, event, foreignTopics, key, table, validateCatalog, type CatalogJson } from '../src/index.js'

const keys = () => ({ balance: key('member:{id}:balance', { ttl: '1h' }).returns<number>() })

/** A valid catalog of one table from a topic, with parts of it replaced. */
const json = (from: Record<string, unknown>, more: Partial<CatalogJson> = {}): unknown => ({
  format: 1,
  owner: 'billing',
  version: '1',
  tables: {
    'public.payments': {
      entity: 'payment',
      key: ['id'],
      columns: { id: 'id', memberId: 'member_id', status: 'status' },
      from,
    },
  },
  templates: { balance: { template: 'member:{id}:balance', ttl: '1h' } },
  rules: [
    {
      on: { table: 'public.payments', where: { status: 'completed' } },
      fences: [{ key: 'balance', with: { id: 'memberId' } }],
    },
  ],
  ...more,
})
const faultsOf = (...parts: Parameters<typeof json>) =>
  (validateCatalog(json(...parts)).faults ?? []).map(({ code, path }) => `${code} ${path}`)

describe('a table from a topic', () => {
  const debezium = 'shop.public.payments'

  it('has full strength where it names the slot, lease strength where it is of another database', () => {
    expect(faultsOf({ debezium, slot: 'debezium' })).toEqual([])
    expect(faultsOf({ debezium, types: { memberId: 'int8', status: 'text' } })).toEqual([])
    const strengthOf = (from: Record<string, unknown>) =>
      foreignTopics([{ json: json(from) as CatalogJson }]).map(({ topic, strength }) => [topic, strength])
    expect(strengthOf({ debezium, slot: 'debezium' })).toEqual([[debezium, 'full']])
    expect(strengthOf({ debezium, types: {} })).toEqual([[debezium, 'lease']])
    const both = [
      { debezium, types: {} },
      { debezium, slot: 'debezium' },
    ].map((from) => ({
      json: json(from) as CatalogJson,
    }))
    expect(foreignTopics(both)).toMatchObject([{ topic: debezium, strength: 'full' }])
  })

  it('says one or the other, with a topic that can be, and all its faults are told at once', () => {
    expect(faultsOf({ debezium: 'shop public' })).toEqual([
      'name-malformed tables["public.payments"].from.debezium',
      'topic-strength tables["public.payments"].from',
    ])
    expect(faultsOf({ debezium, slot: 'debezium', replicaIdentity: 'full', types: { memberid: 'int8' } })).toEqual([
      'topic-strength tables["public.payments"].from',
      'topic-strength tables["public.payments"].from.replicaIdentity',
      'column-undeclared tables["public.payments"].from.types.memberid',
      'column-type-missing rules[0].on.where.status',
      'column-type-missing rules[0].fences[0].with.id',
    ])
  })

  it('has no events made of it, and shares its topic with nothing', () => {
    const { tables } = json({ debezium, slot: 'debezium' }) as CatalogJson
    const payments = tables['public.payments']
    const events = { 'payment.completed': { column: 'status', becomes: 'completed' } }
    const more = {
      tables: { 'public.payments': { ...payments, events }, 'public.refunds': { ...payments, entity: 'refund' } },
      events: { 'invoice.voided': { parameters: { memberId: 'int8' }, topic: debezium } },
    } as unknown as Partial<CatalogJson>
    expect(faultsOf({}, more)).toEqual([
      'event-of-foreign-table tables["public.payments"].events',
      'declared-twice tables["public.refunds"].from.debezium',
      'declared-twice events["invoice.voided"].topic',
    ])
  })

  it('is declared with types', () => {
    const payments = table('public.payments', {
      entity: 'payment',
      key: ['id'],
      columns: { id: 'id', memberId: 'member_id' },
      from: { debezium, types: { memberId: 'int8' }, replicaIdentity: 'full' },
    })
    const { balance } = keys()
    const declared = catalog('billing', {
      version: '1',
      keys: { balance },
      rules: [payments.any.fences((p) => [balance.of({ id: p.memberId })])],
    })
    expect(declared.json.tables['public.payments']?.from).toEqual({
      debezium,
      types: { memberId: 'int8' },
      replicaIdentity: 'full',
    })
    const columns = { id: 'id' } as const
    // @ts-expect-error a type of a column that is not declared
    table('public.payments', { entity: 'payment', key: [], columns, from: { debezium, types: { memberId: 'int8' } } })
    // @ts-expect-error neither a slot nor types
    table('public.payments', { entity: 'payment', key: [], columns, from: { debezium } })
  })
})

it('an event may name the topic that services send it to', () => {
  const { balance } = keys()
  const voided = event('invoice.voided', { memberId: 'int8' }, { topic: 'billing.invoices' })
  const { json: declared } = catalog('billing', {
    version: '1',
    keys: { balance },
    rules: [voided.fences((e) => [balance.of({ id: e.memberId })])],
  })
  expect(declared.events).toEqual({ 'invoice.voided': { parameters: { memberId: 'int8' }, topic: 'billing.invoices' } })
  expect(foreignTopics([{ json: declared }])).toEqual([
    {
      topic: 'billing.invoices',
      strength: 'lease',
      sources: [{ kind: 'event', event: 'invoice.voided', parameters: { memberId: 'int8' } }],
    },
  ])
})
