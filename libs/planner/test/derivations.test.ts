import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { catalog, derived, key, table, wildcard, type Catalog } from '@freshet/catalog'
import { createPlanner } from '@freshet/planner'
import { plan } from '@freshet/planner/testing'
import {
  cell,
  derivations,
  everyKey,
  isDirect,
  isFenced,
  isWrong,
  target,
  worldOf,
  type Derivation,
  type Entry,
  type Row,
} from './derived-world.js'

const transactions = key('member:{id}:transactions:{query}', { ttl: '10m' })
const summary = key('summary:{memberId}', { ttl: '1h' })
const yearly = key('summary:{memberId}:of:{year}', { ttl: '1h' })
const statement = key('organization:{organizationId}:statement', { ttl: '1h' })
const payments = table('public.payments', {
  entity: 'payment',
  key: ['id'],
  columns: { id: 'id', memberId: 'member_id' },
})
const rules = [payments.any.fences((p) => [wildcard('member:{id}:transactions:*', { id: p.memberId })])]
const keys = { transactions, summary, yearly, statement }
const chain = catalog('chain', {
  version: '1',
  keys,
  rules,
  derivations: [
    derived(summary, { from: transactions, with: { memberId: 'id' } }),
    derived(yearly, { from: summary, with: { memberId: 'memberId' } }),
    derived(statement, { from: summary }),
  ],
})

describe('a derivation', () => {
  const insert = { table: 'public.payments', insert: { id: 1, memberId: 42 } }

  it('fences what is computed from a fenced value, renamed, widened, and through more than one step', () => {
    expect(plan(chain, insert).fences).toEqual([
      '*organization:{organizationId}:statement',
      'member:42:transactions:*',
      'summary:42',
      'summary:42:of:*',
    ])
  })

  it('says by which way', () => {
    const { because } = plan(chain, insert)
    expect(because.get('summary:42:of:*')).toEqual([
      { owner: 'chain', version: '1', rule: 0, via: ['transactions', 'summary', 'yearly'] },
    ])
    expect(because.get('member:42:transactions:*')).toEqual([{ owner: 'chain', version: '1', rule: 0 }])
  })

  it('of what no row names fences nothing', () => {
    expect(plan(chain, { table: 'public.payments', insert: { id: 1, memberId: null } }).fences).toEqual([])
  })

  it('of what is not known fences all of it', () => {
    const { fences } = plan(chain, { table: 'public.payments', delete: { id: 1 } })
    expect(fences).toEqual([
      '*member:{id}:transactions:{query}',
      '*organization:{organizationId}:statement',
      '*summary:{memberId}',
      '*summary:{memberId}:of:{year}',
    ])
  })

  it('is part of what a gap and an unreadable record fence', () => {
    const every = [...chain.templates.keys()].length
    expect(createPlanner([chain]).templatesOf(['public.payments'])).toHaveLength(every)
    expect(createPlanner([chain]).templatesOfEntity('payment')).toHaveLength(every)
  })

  it('is known by its size', () => {
    expect(createPlanner([chain, chain]).size).toEqual({
      templates: 8,
      derivations: 6,
      targets: 8,
      derivationBytes: expect.any(Number) as number,
    })
  })
})

/** A key is fenced with others where a later parameter is bound and an earlier one is not, or two to the same one. */
const bindsFromTheBeginning = ({ template, with: bindings }: Derivation): boolean =>
  template !== 'pair' || !Object.hasOwn(bindings, 'b') || (bindings['a'] ?? bindings['b']) !== bindings['b']

describe('the plan', () => {
  const planOf = (world: Catalog, row: Row) =>
    createPlanner([world]).planChange({ table: 'public.rows', operation: 'insert', new: row })

  it('fences every value that is computed from a wrong one, through any number of steps', () => {
    fc.assert(
      fc.property(fc.array(target, { minLength: 1, maxLength: 2 }), derivations, cell, cell, (targets, edges, x, y) => {
        const world = worldOf(targets, edges)
        const all = everyKey(world)
        const made = planOf(world, { x, y })
        const direct = (of: Entry) => isDirect(targets, { x, y }, of)
        for (const entry of all)
          if (isWrong(entry, edges, all, direct))
            expect([entry.key.text, isFenced(world, made, entry)]).toEqual([entry.key.text, true])
      }),
      { numRuns: 2_000 },
    )
  })

  it('fences no other, where parameters are bound from the beginning on', () => {
    fc.assert(
      fc.property(
        fc.array(target, { minLength: 1, maxLength: 2 }),
        derivations.filter((edges) => edges.every(bindsFromTheBeginning)),
        cell,
        cell,
        (targets, edges, x, y) => {
          const world = worldOf(targets, edges)
          const all = everyKey(world)
          const made = planOf(world, { x, y })
          const direct = (of: Entry) => isDirect(targets, { x, y }, of)
          for (const entry of all)
            expect([entry.key.text, isFenced(world, made, entry)]).toEqual([
              entry.key.text,
              isWrong(entry, edges, all, direct),
            ])
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
