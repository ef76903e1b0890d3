import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bindKey, type BoundKey } from '@freshet/cache-keys'
import { catalog, catalogFromJson, derived, governingTags, key, table, wildcard, type Catalog } from '@freshet/catalog'
import { createPlanner, type Plan } from '@freshet/planner'
import { plan } from '@freshet/planner/testing'

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

// A small world: every way in which three templates can be computed from each other, from one table of two columns.
const values = [1, 2]
const shapes = {
  one: { template: 'one:{a}', parameters: ['a'] },
  pair: { template: 'pair:{a}:{b}', parameters: ['a', 'b'] },
  list: { template: 'lists:{a}:{query}', parameters: ['a'] },
  all: { template: 'all', parameters: [] },
} as const
type Name = keyof typeof shapes
const names = Object.keys(shapes) as Name[]

interface Derivation {
  readonly template: Name
  readonly from: Name
  readonly with: Readonly<Record<string, string>>
}

const bindingsOf = (template: Name, from: Name): fc.Arbitrary<Record<string, string>> =>
  fc.record(
    Object.fromEntries(
      shapes[template].parameters.map((parameter) => [parameter, fc.constantFrom(...shapes[from].parameters, '')]),
    ),
  )

const bound = (bindings: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(bindings).filter(([, source]) => source !== ''))

/** A later one from an earlier one in some order: any two, and no cycles. */
const derivations: fc.Arbitrary<readonly Derivation[]> = fc
  .shuffledSubarray(names, { minLength: names.length })
  .chain((order) => {
    const steps = order.flatMap((from, at) => order.slice(at + 1).map((template) => ({ from, template })))
    const step = fc.constantFrom(...steps)
    return fc.array(
      step.chain(({ from, template }) =>
        bindingsOf(template, from).map((bindings) => ({ from, template, with: bound(bindings) })),
      ),
      { maxLength: 5 },
    )
  })

interface Target {
  readonly key?: Name
  readonly wildcard?: string
  readonly template?: Name
  readonly with?: Readonly<Record<string, 'x' | 'y'>>
}

const target: fc.Arbitrary<Target> = fc.constantFrom<Target>(
  { key: 'one', with: { a: 'x' } },
  { key: 'pair', with: { a: 'x', b: 'y' } },
  { wildcard: 'lists:{a}:*', with: { a: 'y' } },
  { template: 'all' },
)
const cell = fc.constantFrom(1, 2, null)

function worldOf(targets: readonly Target[], edges: readonly Derivation[]): Catalog {
  return catalogFromJson({
    format: 1,
    owner: 'small',
    version: '1',
    tables: { 'public.rows': { entity: 'row', key: [], columns: { x: 'x', y: 'y' } } },
    templates: Object.fromEntries(names.map((name) => [name, { template: shapes[name].template, ttl: '1h' }])),
    rules: [{ on: { table: 'public.rows' }, fences: targets }],
    derivations: edges,
  })
}

interface Entry {
  readonly name: Name
  readonly key: BoundKey
  readonly assigned: Readonly<Record<string, number>>
}

const everyKey = (world: Catalog): readonly Entry[] =>
  names.flatMap((name) => {
    const template = world.templates.get(name)?.template
    if (template === undefined) return []
    return values.flatMap((a) =>
      values.map((b) => ({ name, key: bindKey(template, { a, b, query: { b } }), assigned: { a, b } })),
    )
  })

type Row = Readonly<Record<string, number | null>>

/** Keys that the rule itself fences. */
function isDirect(targets: readonly Target[], row: Row, { name, assigned }: Entry): boolean {
  return targets.some((each) => {
    if (each.template !== undefined) return each.template === name
    if (each.key !== name && !(each.wildcard !== undefined && name === 'list')) return false
    return Object.entries(each.with ?? {}).every(([parameter, column]) => assigned[parameter] === row[column])
  })
}

/** The definition: a value is wrong if the rule says so, or if one that it is computed from is. */
function isWrong(
  entry: Entry,
  edges: readonly Derivation[],
  all: readonly Entry[],
  direct: (of: Entry) => boolean,
): boolean {
  if (direct(entry)) return true
  return edges.some(
    ({ template, from, with: bindings }) =>
      template === entry.name &&
      all.some(
        (source) =>
          source.name === from &&
          Object.entries(bindings).every(([mine, other]) => entry.assigned[mine] === source.assigned[other]) &&
          isWrong(source, edges, all, direct),
      ),
  )
}

function isFenced(world: Catalog, { fences }: Plan, { name, key: bound }: Entry): boolean {
  const compiled = world.templates.get(name)
  if (compiled === undefined) throw new Error(`no template ${name}`)
  return governingTags(compiled, bound).some((tag) =>
    fences.some((fence) => fence.tag.text === tag.text && fence.tag.shard === tag.shard),
  )
}

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
