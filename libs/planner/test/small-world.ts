import fc from 'fast-check'
import { bindKey, type BoundKey } from '@freshet/cache-keys'
import { catalogFromJson, governingTags, type Catalog, type RuleJson, type TargetJson } from '@freshet/catalog'
import type { Change, ColumnValue, Plan } from '@freshet/planner'

// A small world: one table of three columns with three values each (and null), five templates, every key of them.
export const values = [1, 2, 3]
export const columns = ['id', 'owner', 'state'] as const
const templates = {
  one: { template: 'one:{a}', ttl: '1h' },
  pair: { template: 'pair:{a}:{b}', ttl: '1h' },
  deep: { template: 'pair:{a}:of:{b}:all', ttl: '1h' },
  list: { template: 'pair:{a}:list:{query}', ttl: '1h' },
  every: { template: 'every:{query}', ttl: '1h' },
}
export const worldOf = (rules: RuleJson[]): Catalog =>
  catalogFromJson({
    format: 1,
    owner: 'small',
    version: '1',
    tables: { 'public.rows': { entity: 'row', key: ['id'], columns: { id: 'id', owner: 'owner', state: 'state' } } },
    templates,
    rules,
  })

const alias = fc.constantFrom(...columns)
const target: fc.Arbitrary<TargetJson> = fc.oneof(
  alias.map((a) => ({ key: 'one', with: { a } })),
  fc.tuple(alias, alias).map(([a, b]) => ({ key: 'pair', with: { a, b } })),
  fc.tuple(alias, alias).map(([a, b]) => ({ key: 'deep', with: { a, b } })),
  alias.map((a) => ({ wildcard: 'pair:{a}:*', with: { a } })),
  fc.tuple(alias, alias).map(([a, b]) => ({ wildcard: 'pair:{a}:of:{b}:*', with: { a, b } })),
  alias.map((a) => ({ wildcard: 'pair:{other}:list:*', with: { other: a } })),
  fc.constant({ wildcard: 'every:*', with: {} }),
  fc.constantFrom('one', 'pair', 'every').map((template) => ({ template })),
)
const operation = fc.constantFrom('insert' as const, 'update' as const, 'delete' as const)
export const rule: fc.Arbitrary<RuleJson> = fc
  .record({
    operations: fc.option(fc.uniqueArray(operation, { minLength: 1 }), { nil: undefined }),
    changed: fc.option(fc.uniqueArray(alias, { minLength: 1 }), { nil: undefined }),
    where: fc.option(fc.dictionary(alias, fc.constantFrom(1, 2, null), { maxKeys: 2 }), { nil: undefined }),
    fences: fc.array(target, { minLength: 1, maxLength: 2 }),
  })
  .map(({ fences, operations, changed, where }) => ({
    on: {
      table: 'public.rows',
      ...(operations && { operations }),
      ...(changed && { changed }),
      ...(where && { where }),
    },
    fences,
  }))
const cell = fc.constantFrom<ColumnValue>(...values, null)
export const row = fc.record({ id: cell, owner: cell, state: cell })
export type FullRow = Record<(typeof columns)[number], ColumnValue>

/** A change as it truly was: both rows complete. */
export interface Truth {
  readonly operation: 'insert' | 'update' | 'delete'
  readonly old: FullRow
  readonly new: FullRow
}
// Most cells stay as they were, so that changes of a single column are common.
export const truth: fc.Arbitrary<Truth> = fc
  .record({ operation, old: row, other: row, moved: fc.subarray([...columns]) })
  .map(({ operation: done, old, other, moved }) => ({
    operation: done,
    old,
    new: { ...old, ...Object.fromEntries(moved.map((column) => [column, other[column]])) },
  }))

export const rowsOf = ({ operation, old, new: now }: Truth): readonly FullRow[] =>
  operation === 'insert' ? [now] : operation === 'delete' ? [old] : [old, now]
export const differing = ({ old, new: now }: Truth) => columns.filter((column) => old[column] !== now[column])
export const complete = (of: Truth): Change => ({
  table: 'public.rows',
  operation: of.operation,
  ...(of.operation !== 'insert' && { old: of.old }),
  ...(of.operation !== 'delete' && { new: of.new }),
  ...(of.operation === 'update' && { changed: differing(of) }),
})

export const everyKey = (world: Catalog): readonly BoundKey[] =>
  [...world.templates.values()].flatMap(({ template }) =>
    values.flatMap((a) => values.map((b) => bindKey(template, { a, b, query: { a, b } }))),
  )

/** The definition, word for word, over one key at a time. */
export function shouldFence(world: Catalog, of: Truth, key: BoundKey): boolean {
  return world.json.rules.some(({ on, fences }) => {
    if (!('table' in on)) return false
    if (on.operations && !on.operations.includes(of.operation)) return false
    const satisfies = (held: FullRow) =>
      Object.entries(on.where ?? {}).every(([column, wanted]) => held[column as keyof FullRow] === wanted)
    if (!rowsOf(of).some(satisfies)) return false
    if (on.changed && of.operation === 'update') {
      const bound = fences.flatMap((fenced) => ('with' in fenced ? Object.values(fenced.with) : []))
      const counts: readonly string[] = [...on.changed, 'id', ...bound, ...Object.keys(on.where ?? {})]
      if (!differing(of).some((column) => counts.includes(column))) return false
    }
    return fences.some((fenced) => rowsOf(of).some((held) => covers(world, fenced, held, key)))
  })
}

export function covers(world: Catalog, fenced: TargetJson, held: FullRow, key: BoundKey): boolean {
  if ('template' in fenced) return key.template.text === templates[fenced.template as keyof typeof templates].template
  const pattern = 'key' in fenced ? (world.templates.get(fenced.key)?.template.text ?? '') : fenced.wildcard
  if (Object.values(fenced.with).some((column) => held[column as keyof FullRow] === null)) return false
  const text = pattern.replace(/\{(\w+)\}/g, (_, parameter: string) =>
    String(held[fenced.with[parameter] as keyof FullRow]),
  )
  if ('key' in fenced) return key.text === text && key.template.text === pattern
  // A wildcard covers templates of its own shape only: "pair:1:of" is also a key of pair:{a}:{b}.
  const shape = (of: string, length: number) =>
    of
      .replace(/\{\w+\}/g, '{}')
      .split(':')
      .slice(0, length)
      .join(':')
  const length = pattern.split(':').length - 1
  return key.text.startsWith(text.slice(0, -1)) && shape(key.template.text, length) === shape(pattern, length)
}

export function isFenced(world: Catalog, plan: Plan, key: BoundKey): boolean {
  const compiled = [...world.templates.values()].find(({ template }) => template === key.template)
  if (compiled === undefined) throw new Error(`no template for ${key.text}`)
  return governingTags(compiled, key).some((tag) =>
    plan.fences.some((fence) => fence.tag.text === tag.text && fence.tag.shard === tag.shard),
  )
}
