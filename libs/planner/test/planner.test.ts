import { describe, expect, it } from 'vitest'
import { catalog, event, key, table, template, wildcard, type Rule } from '@freshet/catalog'
import { createPlanner, mergePlans, type Change, type Plan } from '@freshet/planner'
import { membersCatalog } from './members.js'

const planner = createPlanner([membersCatalog])
const tags = (plan: Plan) => plan.fences.map(({ tag }) => tag.text).sort()
const planned = (change: Change) => tags(planner.planChange(change))

const statement = key('member:{id}:statement:{year}', { ttl: '1h', wildcards: ['member:{id}:*'] })
const slip = key('slip:{id}:{year}', { ttl: '1h', warm: true })
const total = key('reports:total', { ttl: '1h', warm: true })
const bills = table('public.bills', {
  entity: 'bill',
  key: ['id'],
  columns: { id: 'id', memberId: 'member_id', year: 'year', status: 'status', paid: 'paid' },
  events: { 'bill.settled': { column: 'status', becomes: 'settled' } },
})
const withRules = (...rules: Rule[]) =>
  createPlanner([catalog('bills', { version: '1', keys: { statement, slip, total }, rules })])
const bill = { id: 1, member_id: '42', year: 2024, status: 'open', paid: false }

describe('both rows count', () => {
  it('a payment moved to another member fences both members', () => {
    const change: Change = {
      table: 'public.payments',
      operation: 'update',
      old: { id: 1, member_id: '42', status: 'open' },
      new: { id: 1, member_id: '43', status: 'open' },
      changed: ['member_id'],
    }
    expect(planned(change)).toEqual([
      'member:42:balance',
      'member:42:transactions:*',
      'member:43:balance',
      'member:43:transactions:*',
      'reports:revenue:*',
    ])
  })

  it('a changed primary key fences both keys', () => {
    const rows = { old: { id: 1, organization_id: 7 }, new: { id: 2, organization_id: 7 } }
    expect(planned({ table: 'public.members', operation: 'update', ...rows, changed: ['id'] })).toEqual([
      'member:1:*',
      'member:2:*',
      'members:list:*',
      'organization:7:members:*',
    ])
  })

  it('where no old image came, the key and what is known to be unchanged are as in the new row', () => {
    const change: Change = { table: 'public.members', operation: 'update', new: { id: 1, organization_id: 7 } }
    expect(planned(change)).toContain('*organization:{organizationId}:members:{query}')
    expect(planned({ ...change, changed: ['name'] })).toEqual([
      'member:1:*',
      'members:list:*',
      'organization:7:members:*',
    ])
  })

  it('an unchanged TOAST value is taken from the old row', () => {
    const old = { id: 1, organization_id: 'long' }
    expect(planned({ table: 'public.members', operation: 'update', old, new: { id: 1 } })).toEqual([
      'member:1:*',
      'members:list:*',
      'organization:long:members:*',
    ])
  })
})

describe('a parameter that is', () => {
  const rules = withRules(
    bills.any.fences((b) => [
      statement.of({ id: b.memberId, year: b.year }),
      slip.of({ id: b.memberId, year: b.year }),
    ]),
  )

  it('null fences nothing, as no key can hold it', () => {
    expect(
      rules.planChange({ table: 'public.bills', operation: 'insert', new: { ...bill, year: null } }).fences,
    ).toEqual([])
    const unknownYear = { id: 1, member_id: null, status: 'open' }
    expect(rules.planChange({ table: 'public.bills', operation: 'delete', old: unknownYear }).fences).toEqual([])
  })

  it('unknown widens to a wildcard that is known, else to the whole template, and says so', () => {
    const { fences } = rules.planChange({ table: 'public.bills', operation: 'delete', old: { id: 1, member_id: '42' } })
    expect(fences.map(({ tag, because }) => [tag.text, because[0]?.widened])).toEqual([
      ['member:42:*', true],
      ['*slip:{id}:{year}', true],
    ])
    const whole = rules.planChange({ table: 'public.bills', operation: 'delete', old: { id: 1 } })
    expect(tags(whole)).toEqual(['*member:{id}:statement:{year}', '*slip:{id}:{year}'])
    expect(whole.fences.every(({ tag }) => tag.shard === 'all')).toBe(true)
  })

  it('a number that JS cannot hold exactly counts as unknown', () => {
    const change: Change = { table: 'public.bills', operation: 'insert', new: { ...bill, member_id: 2 ** 60 } }
    expect(tags(rules.planChange(change))).toContain('*slip:{id}:{year}')
  })

  it('called like something that every object has is not found there', () => {
    const odd = table('public.odd', { entity: 'odd', key: [], columns: { toString: 'constructor' } })
    const only = key('odd:{id}', { ttl: '1h' })
    const rule = odd.any.fences((row) => [only.of({ id: row.toString })])
    const built = createPlanner([catalog('odd', { version: '1', keys: { only }, rules: [rule] })])
    expect(tags(built.planChange({ table: 'public.odd', operation: 'insert', new: {} }))).toEqual(['*odd:{id}'])
  })
})

describe('changed', () => {
  const rules = withRules(bills.any.changed('paid').fences((b) => [slip.of({ id: b.memberId, year: b.year })]))
  const update = (changed: Change['changed'], now: object = {}) =>
    tags(rules.planChange({ table: 'public.bills', operation: 'update', old: bill, new: { ...bill, ...now }, changed }))

  it('narrows updates that are known to have changed other columns only', () => {
    expect(update(['status'])).toEqual([])
    expect(update([])).toEqual([])
    expect(update(['status', 'paid'])).toEqual(['slip:42:2024'])
  })

  it('narrows nothing where it is unknown what changed, and no insert or delete', () => {
    expect(update(undefined)).toEqual(['slip:42:2024'])
    expect(tags(rules.planChange({ table: 'public.bills', operation: 'insert', new: bill }))).toEqual(['slip:42:2024'])
    expect(tags(rules.planChange({ table: 'public.bills', operation: 'delete', old: bill }))).toEqual(['slip:42:2024'])
  })

  it('never narrows a row that moves to another key', () => {
    expect(update(['member_id'], { member_id: '43' })).toEqual(['slip:42:2024', 'slip:43:2024'])
    expect(update(['id'], { id: 2 })).toEqual(['slip:42:2024'])
  })
})

describe('where', () => {
  const of = (where: Parameters<typeof bills.any.where>[0]) =>
    withRules(bills.any.where(where).fences((b) => [slip.of({ id: b.memberId, year: b.year })]))
  const fences = (where: Parameters<typeof bills.any.where>[0], old: Change['old'], now: Change['new']) =>
    of(where).planChange({ table: 'public.bills', operation: 'update', old, new: now }).fences.length > 0

  it('lets through what the old or the new row satisfies', () => {
    const settled = { ...bill, status: 'settled' }
    expect(fences({ status: 'settled' }, bill, settled)).toBe(true)
    expect(fences({ status: 'settled' }, settled, bill)).toBe(true)
    expect(fences({ status: 'settled' }, bill, bill)).toBe(false)
    expect(fences({ status: 'settled', paid: true }, settled, { ...bill, paid: true })).toBe(false)
    expect(fences({ status: null }, bill, { ...bill, status: null })).toBe(true)
    expect(fences({ status: null }, bill, bill)).toBe(false)
  })

  it('counts doubts as yes: unknown values, other spellings, types that cannot be compared', () => {
    const { status: _, ...unknown } = bill
    expect(fences({ status: 'settled' }, unknown, { ...unknown })).toBe(true)
    expect(fences({ year: '2024.0' }, bill, bill)).toBe(true)
    expect(fences({ status: 'OPEN ' }, bill, bill)).toBe(true)
    expect(fences({ paid: 'f' }, bill, bill)).toBe(true)
    expect(fences({ year: 2025 }, bill, bill)).toBe(false)
    expect(fences({ paid: true }, bill, bill)).toBe(false)
  })
})

describe('operations and events', () => {
  it('a rule on one operation is about no other', () => {
    const rules = withRules(bills.deleted.fences((b) => [slip.of({ id: b.memberId, year: b.year })]))
    expect(rules.planChange({ table: 'public.bills', operation: 'insert', new: bill }).fences).toEqual([])
    expect(rules.planChange({ table: 'public.bills', operation: 'delete', old: bill }).fences).toHaveLength(1)
  })

  it("a rule on a table's event applies where the column becomes the value, or may have", () => {
    const rules = withRules(bills.event('bill.settled').fences((b) => [slip.of({ id: b.memberId, year: b.year })]))
    const fenced = (operation: 'insert' | 'update' | 'delete', old: Change['old'], now: Change['new']) =>
      rules.planChange({ table: 'public.bills', operation, old, new: now }).fences.length > 0
    const settled = { ...bill, status: 'settled' }
    expect(fenced('insert', undefined, settled)).toBe(true)
    expect(fenced('update', bill, settled)).toBe(true)
    expect(fenced('update', undefined, settled)).toBe(true)
    expect(fenced('update', settled, settled)).toBe(false)
    expect(fenced('update', settled, bill)).toBe(false)
    expect(fenced('delete', settled, undefined)).toBe(false)
  })

  it('a truncate fences the templates of every rule on the table, whole', () => {
    expect(planned({ table: 'public.payments', operation: 'truncate' })).toEqual([
      '*member:{id}:balance',
      '*member:{id}:transactions:{query}',
      '*reports:revenue:{query}',
    ])
  })

  it('an emitted event binds its parameters by their declared types, and widens what it lacks', () => {
    const voided = event('bill.voided', { member: 'int8', year: 'int4' })
    const rules = withRules(voided.fences((e) => [slip.of({ id: e.member, year: e.year })], { evict: 'old:{member}' }))
    const plan = rules.planEvent({ name: 'bill.voided', parameters: { member: '042', year: 2024n } })
    expect(tags(plan)).toEqual(['slip:42:2024'])
    expect(plan.evictions).toEqual(['old:042'])
    expect(plan.refreshes.map((refresh) => refresh.key)).toEqual(['slip:42:2024'])
    expect(tags(rules.planEvent({ name: 'bill.voided', parameters: { member: 'x', year: 1 } }))).toEqual([
      '*slip:{id}:{year}',
    ])
    expect(rules.planEvent({ name: 'bill.other', parameters: {} }).fences).toEqual([])
  })
})

describe('a plan', () => {
  it('has each tag once, with all its causes', () => {
    const rules = withRules(
      bills.any.fences(() => [template(slip), total.of({})], { name: 'first' }),
      bills.any.fences(() => [template(slip)]),
    )
    const { fences } = rules.planChange({ table: 'public.bills', operation: 'update', old: bill, new: bill })
    expect(fences.map(({ tag, because }) => [tag.text, because.map(({ rule, name }) => name ?? rule)])).toEqual([
      ['*slip:{id}:{year}', ['first', 1]],
      ['reports:total', ['first']],
    ])
    const merged = mergePlans([
      rules.planChange({ table: 'public.bills', operation: 'insert', new: bill }),
      rules.planChange({ table: 'public.bills', operation: 'truncate' }),
    ])
    expect(tags(merged)).toEqual(['*reports:total', '*slip:{id}:{year}', 'reports:total'])
    expect(merged.fences.find(({ tag }) => tag.text.startsWith('*slip'))?.because).toHaveLength(2)
  })

  it('deletes the legacy keys of both rows, and none that it cannot complete', () => {
    const rules = withRules(
      bills.any.fences((b) => [wildcard('member:{id}:*', { id: b.memberId })], { evict: 'legacy:{memberId}/{year}' }),
    )
    const update = (old: Change['old'], now: Change['new']) =>
      rules.planChange({ table: 'public.bills', operation: 'update', old, new: now }).evictions
    expect(update(bill, { ...bill, member_id: 'a:b' })).toEqual(['legacy:42/2024', 'legacy:a:b/2024'])
    expect(update(bill, bill)).toEqual(['legacy:42/2024'])
    expect(update({ ...bill, year: null }, { ...bill, year: null })).toEqual([])
  })

  it('is empty for tables that nobody declares', () => {
    expect(planned({ table: 'public.orders', operation: 'truncate' })).toEqual([])
  })
})

describe('templates', () => {
  const both = createPlanner([
    membersCatalog,
    catalog('bills', {
      version: '2',
      keys: { slip, total },
      rules: [event('member.merged', { id: 'int8' }).fences(() => [total.of({})])],
    }),
  ])
  const texts = (of: readonly { text: string }[]) => of.map(({ text }) => text).sort()

  it('of tables, of an entity, of a catalog, of all', () => {
    expect(texts(both.templatesOf(['public.payments']))).toEqual([
      '*member:{id}:balance',
      '*member:{id}:transactions:{query}',
      '*reports:revenue:{query}',
    ])
    expect(texts(both.templatesOfEntity('payment'))).toEqual(texts(both.templatesOf(['public.payments'])))
    expect(texts(both.templatesOfEntity('member'))).toEqual([
      '*member:{id}:balance',
      '*member:{id}:profile',
      '*member:{id}:transactions:{query}',
      '*members:list:{query}',
      '*organization:{organizationId}:members:{query}',
      '*reports:total',
    ])
    expect(texts(both.templatesOfCatalog('bills', '2'))).toEqual(['*reports:total', '*slip:{id}:{year}'])
    expect(both.templatesOfCatalog('bills', '1')).toEqual([])
    expect(both.allTemplates()).toHaveLength(8)
  })
})
