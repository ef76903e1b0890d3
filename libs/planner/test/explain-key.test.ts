import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BoundKey } from '@freshet/cache-keys'
import {
  catalog,
  derived,
  event,
  key,
  table,
  template,
  wildcard,
  type Catalog,
  type RuleJson,
  type TargetJson,
} from '@freshet/catalog'
import { createPlanner, describeKey, explainKey, type Change, type KeyExplanation, type WhyNot } from '@freshet/planner'
import * as derivedWorld from './derived-world.js'
import { keys, membersCatalog } from './members.js'
import {
  columns,
  complete,
  covers,
  differing,
  everyKey,
  isFenced,
  rowsOf,
  rule,
  shouldFence,
  truth,
  values,
  worldOf,
  type FullRow,
  type Truth,
} from './small-world.js'

const only = (explanations: readonly KeyExplanation[], { template: of }: BoundKey): KeyExplanation => {
  const found = explanations.filter(({ templateText }) => templateText === of.text)
  expect(found).toHaveLength(1)
  return found[0] as KeyExplanation
}

/** Can the target fence the key, whatever the row? Each parameter takes every value by itself. */
function canFence(world: Catalog, target: TargetJson, of: BoundKey): boolean {
  if ('template' in target) return covers(world, target, { id: 1, owner: 1, state: 1 }, of)
  const names = Object.keys(target.with)
  const with_ = Object.fromEntries(names.map((name, at) => [name, columns[at] ?? 'id']))
  return values.some((first) =>
    values.some((second) => covers(world, { ...target, with: with_ }, { id: first, owner: second, state: 1 }, of)),
  )
}

/** Why a rule does not fence a key, by its definition: the first of the reasons that hold. */
function whyNot(world: Catalog, { on, fences }: RuleJson, of: Truth, bound: BoundKey): WhyNot['reason'] | undefined {
  if (!('table' in on)) return 'other-source'
  if (on.operations && !on.operations.includes(of.operation)) return 'operation'
  const counted = [
    ...(on.changed ?? []),
    'id',
    ...Object.keys(on.where ?? {}),
    ...fences.flatMap((each) => ('with' in each ? Object.values(each.with) : [])),
  ]
  if (on.changed && of.operation === 'update' && !differing(of).some((column) => counted.includes(column)))
    return 'unchanged'
  const asked = Object.entries(on.where ?? {})
  if (!rowsOf(of).some((row) => asked.every(([column, wanted]) => row[column as keyof FullRow] === wanted)))
    return 'condition'
  return fences.some((each) => rowsOf(of).some((row) => covers(world, each, row, bound)))
    ? undefined
    : 'bound-otherwise'
}

describe('an explanation, for every key of a small world and every change,', () => {
  const rules = fc.array(rule, { minLength: 1, maxLength: 3 })

  it('says fenced exactly of the keys that the plan fences, and of each rule whether it does and why not', () => {
    fc.assert(
      fc.property(rules, truth, (declared, of) => {
        const world = worldOf(declared)
        const change = complete(of)
        const plan = createPlanner([world]).planChange(change)
        for (const bound of everyKey(world)) {
          const explained = only(explainKey([world], bound.text, change), bound)
          expect([bound.text, explained.fenced]).toEqual([bound.text, isFenced(world, plan, bound)])
          const expected = declared.flatMap((each, at) =>
            each.fences.some((target) => canFence(world, target, bound)) ? [[at, whyNot(world, each, of, bound)]] : [],
          )
          const said = explained.rules.map(({ rule: at, verdict }) => [
            at,
            verdict.fences ? undefined : verdict.whyNot.reason,
          ])
          expect([bound.text, said]).toEqual([bound.text, expected])
          for (const { rule: at, verdict } of explained.rules)
            expect(verdict.fences !== undefined).toBe(
              shouldFence({ ...world, json: { ...world.json, rules: declared.slice(at, at + 1) } }, of, bound),
            )
        }
      }),
      { numRuns: 150 },
    )
  }, 30_000)

  it('agrees with the plan where rows are known in part, or gone by a truncate', () => {
    const partly = fc.record({
      old: fc.subarray([...columns]),
      now: fc.subarray([...columns]),
      tell: fc.boolean(),
      truncate: fc.boolean(),
    })
    fc.assert(
      fc.property(rules, truth, partly, (declared, of, { old, now, tell, truncate }) => {
        const world = worldOf(declared)
        const whole = complete(of)
        const cut = (row: Change['old'], names: readonly string[]) =>
          row && Object.fromEntries(Object.entries(row).filter(([name]) => names.includes(name)))
        const change: Change = truncate
          ? { table: 'public.rows', operation: 'truncate' }
          : { ...whole, old: cut(whole.old, old), new: cut(whole.new, now), changed: tell ? whole.changed : undefined }
        const plan = createPlanner([world]).planChange(change)
        for (const bound of everyKey(world))
          expect([bound.text, only(explainKey([world], bound.text, change), bound).fenced]).toEqual([
            bound.text,
            isFenced(world, plan, bound),
          ])
      }),
      { numRuns: 150 },
    )
  }, 30_000)

  it('follows derivations through any number of steps', () => {
    const { target, derivations, cell } = derivedWorld
    fc.assert(
      fc.property(fc.array(target, { minLength: 1, maxLength: 2 }), derivations, cell, cell, (targets, edges, x, y) => {
        const world = derivedWorld.worldOf(targets, edges)
        const change: Change = { table: 'public.rows', operation: 'insert', new: { x, y } }
        const plan = createPlanner([world]).planChange(change)
        for (const entry of derivedWorld.everyKey(world)) {
          const { fenced, rules: said } = only(explainKey([world], entry.key.text, change), entry.key)
          expect([entry.key.text, fenced]).toEqual([entry.key.text, derivedWorld.isFenced(world, plan, entry)])
          for (const { ways } of said) for (const { via } of ways) if (via) expect(via.at(-1)).toBe(entry.name)
        }
      }),
      { numRuns: 150 },
    )
  }, 30_000)

  it('counts the rules of all catalogs in force, as the plan does', () => {
    fc.assert(
      fc.property(rules, rules, truth, (one, other, of) => {
        const [first, second] = [worldOf(one), worldOf(other)]
        const change = complete(of)
        const plan = createPlanner([first, second]).planChange(change)
        for (const bound of everyKey(first)) {
          const [explained] = explainKey([first, second], bound.text, change).filter(
            ({ templateText }) => templateText === bound.template.text,
          )
          expect([bound.text, explained?.fenced]).toEqual([bound.text, isFenced(first, plan, bound)])
        }
      }),
      { numRuns: 80 },
    )
  }, 30_000)
})

describe('an explanation', () => {
  const payment = { id: '7', member_id: '42', status: 'pending' }
  const reasons = (text: string, change: Change) =>
    explainKey([membersCatalog], text, change).flatMap(({ rules }) => rules.map(({ verdict }) => verdict))

  it('names the tags that are fenced instead, and the tables that the change is not of', () => {
    expect(
      reasons('member:42:balance', {
        table: 'public.payments',
        operation: 'insert',
        new: { ...payment, member_id: '43' },
      }),
    ).toEqual([
      { whyNot: { reason: 'other-source' } },
      { whyNot: { reason: 'bound-otherwise', tags: ['member:43:balance'] } },
    ])
    expect(reasons('member:42:balance', { table: 'public.payments', operation: 'insert', new: payment })[1]).toEqual({
      fences: [{ tag: 'member:42:balance' }],
    })
    expect(
      reasons('member:42:balance', { table: 'public.payments', operation: 'delete', old: { id: '7' } })[1],
    ).toEqual({
      fences: [{ tag: '*member:{id}:balance', widened: true }],
    })
  })

  it('says what was compared with what, and which columns were looked at', () => {
    const payments = table('public.payments', {
      entity: 'payment',
      key: ['id'],
      columns: { id: 'id', memberId: 'member_id', amount: 'amount', status: 'status' },
      events: { 'payment.completed': { column: 'status', becomes: 'completed' } },
    })
    const { balance } = keys
    const built = catalog('shop', {
      version: '1',
      keys: { balance },
      rules: [
        payments.any.where({ status: 'completed' }).fences((p) => [balance.of({ id: p.memberId })]),
        payments.updated.changed('amount').fences((p) => [balance.of({ id: p.memberId })]),
        payments.event('payment.completed').fences((p) => [balance.of({ id: p.memberId })]),
        payments.deleted.fences(() => [template(balance)]),
        event('member.merged', { id: 'int8' }).fences((e) => [balance.of({ id: e.id })]),
      ],
    })
    const change: Change = {
      table: 'public.payments',
      operation: 'update',
      old: payment,
      new: { ...payment, status: 'failed' },
      changed: ['status'],
    }
    const compared = { column: 'status', wanted: 'completed', old: 'pending', new: 'failed' }
    expect(explainKey([built], 'member:42:balance', change)[0]?.rules.map(({ verdict }) => verdict)).toEqual([
      { whyNot: { reason: 'condition', columns: [compared] } },
      { whyNot: { reason: 'unchanged', columns: ['amount', 'id', 'member_id'], changed: ['status'] } },
      { whyNot: { reason: 'not-become', columns: [compared] } },
      { whyNot: { reason: 'operation', operation: 'update', covered: ['delete'] } },
      { whyNot: { reason: 'other-source' } },
    ])
    const merged = explainKey([built], 'member:42:balance', { name: 'member.merged', parameters: { id: 42n } })
    expect(merged[0]).toMatchObject({ fenced: true })
    expect(merged[0]?.rules.at(-1)?.verdict).toEqual({ fences: [{ tag: 'member:42:balance' }] })
  })

  it('is given for a derived key with the templates on the way to it', () => {
    const transactions = key('member:{id}:transactions:{query}', { ttl: '10m' })
    const summary = key('summary:{memberId}', { ttl: '1h' })
    const payments = table('public.payments', {
      entity: 'payment',
      key: ['id'],
      columns: { id: 'id', memberId: 'member_id' },
    })
    const chain = catalog('chain', {
      version: '1',
      keys: { transactions, summary },
      rules: [
        payments.any.fences((p) => [wildcard('member:{id}:transactions:*', { id: p.memberId })], { name: 'payments' }),
      ],
      derivations: [derived(summary, { from: transactions, with: { memberId: 'id' } })],
    })
    expect(describeKey([chain], 'summary:42')).toEqual([
      {
        owner: 'chain',
        version: '1',
        template: 'summary',
        templateText: 'summary:{memberId}',
        key: 'summary:42',
        shard: expect.any(Number) as number,
        fingerprint: chain.templates.get('summary')?.fingerprint,
        parameters: { memberId: '42' },
        tags: [
          { text: 'summary:42', shard: expect.any(Number) as number },
          { text: '*summary:{memberId}', shard: 'all' },
        ],
        derivations: [{ template: 'summary', from: 'transactions', with: { memberId: 'id' } }],
        rules: [
          {
            owner: 'chain',
            version: '1',
            rule: 0,
            name: 'payments',
            source: 'public.payments',
            on: { table: 'public.payments' },
            ways: [{ fences: 'summary:{member_id}', via: ['transactions', 'summary'] }],
          },
        ],
      },
    ])
  })

  it('is given for a long query too, of which only a digest is left', () => {
    const text = `member:42:transactions:~${'0'.repeat(64)}`
    const [described] = describeKey([membersCatalog], text)
    expect(described).toMatchObject({ template: 'transactions', key: text, parameters: { id: '42' } })
    expect(described?.tags.map((tag) => tag.text)).toContain('member:42:transactions:*')
  })

  it.each(['member:42', 'member:{id}:balance', 'member:42:*', '*member:{id}:balance', '', 'member::balance'])(
    'is not given for "%s", which is no key',
    (text) => {
      expect(describeKey([membersCatalog], text)).toEqual([])
    },
  )
})
