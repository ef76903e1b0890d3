import fc from 'fast-check'
import { bindKey, type BoundKey } from '@freshet/cache-keys'
import { catalogFromJson, governingTags, type Catalog } from '@freshet/catalog'
import type { Plan } from '@freshet/planner'

// A small world: every way in which three templates can be computed from each other, from one table of two columns.
export const values = [1, 2]
const shapes = {
  one: { template: 'one:{a}', parameters: ['a'] },
  pair: { template: 'pair:{a}:{b}', parameters: ['a', 'b'] },
  list: { template: 'lists:{a}:{query}', parameters: ['a'] },
  all: { template: 'all', parameters: [] },
} as const
type Name = keyof typeof shapes
export const names = Object.keys(shapes) as Name[]

export interface Derivation {
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
export const derivations: fc.Arbitrary<readonly Derivation[]> = fc
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

export interface Target {
  readonly key?: Name
  readonly wildcard?: string
  readonly template?: Name
  readonly with?: Readonly<Record<string, 'x' | 'y'>>
}

export const target: fc.Arbitrary<Target> = fc.constantFrom<Target>(
  { key: 'one', with: { a: 'x' } },
  { key: 'pair', with: { a: 'x', b: 'y' } },
  { wildcard: 'lists:{a}:*', with: { a: 'y' } },
  { template: 'all' },
)
export const cell = fc.constantFrom(1, 2, null)

export function worldOf(targets: readonly Target[], edges: readonly Derivation[]): Catalog {
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

export interface Entry {
  readonly name: Name
  readonly key: BoundKey
  readonly assigned: Readonly<Record<string, number>>
}

export const everyKey = (world: Catalog): readonly Entry[] =>
  names.flatMap((name) => {
    const template = world.templates.get(name)?.template
    if (template === undefined) return []
    return values.flatMap((a) =>
      values.map((b) => ({ name, key: bindKey(template, { a, b, query: { b } }), assigned: { a, b } })),
    )
  })

export type Row = Readonly<Record<string, number | null>>

/** Keys that the rule itself fences. */
export function isDirect(targets: readonly Target[], row: Row, { name, assigned }: Entry): boolean {
  return targets.some((each) => {
    if (each.template !== undefined) return each.template === name
    if (each.key !== name && !(each.wildcard !== undefined && name === 'list')) return false
    return Object.entries(each.with ?? {}).every(([parameter, column]) => assigned[parameter] === row[column])
  })
}

/** The definition: a value is wrong if the rule says so, or if one that it is computed from is. */
export function isWrong(
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

export function isFenced(world: Catalog, { fences }: Plan, { name, key: bound }: Entry): boolean {
  const compiled = world.templates.get(name)
  if (compiled === undefined) throw new Error(`no template ${name}`)
  return governingTags(compiled, bound).some((tag) =>
    fences.some((fence) => fence.tag.text === tag.text && fence.tag.shard === tag.shard),
  )
}
