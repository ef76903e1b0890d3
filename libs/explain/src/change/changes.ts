import type { Catalog } from '@freshet/catalog'
import {
  describeKey,
  explainKey,
  type Cause,
  type Change,
  type EmittedEvent,
  type KeyExplanation,
  type Refresh,
} from '@freshet/planner'
import { changeOf, plan, UndeclaredInCatalogError, type TestChange } from '@freshet/planner/testing'
import { z } from 'zod'
import { keyUnknown } from '../key/key-unknown-error.js'

const row = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))

/** A change by the catalog's aliases, or an event, that has not happened. */
export const plannedChange = z.union([
  z.strictObject({ table: z.string(), insert: row }),
  z.strictObject({ table: z.string(), update: z.strictObject({ old: row, new: row }) }),
  z.strictObject({ table: z.string(), delete: row }),
  z.strictObject({ table: z.string(), truncate: z.literal(true) }),
  z.strictObject({
    event: z.string(),
    parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  }),
])

/** One change, or several. */
export const plannedChanges = z.union([plannedChange, z.array(plannedChange).min(1)])

/** What changes would do. */
export interface DryRun {
  readonly fences: readonly { readonly tag: string; readonly because: readonly Cause[] }[]
  /** Keys of another cache that would be deleted, best effort. */
  readonly evictions: readonly string[]
  readonly refreshes: readonly Pick<Refresh, 'owner' | 'template' | 'key'>[]
}

/**
 * What the changes would fence, and why. Nothing is applied. Catalogs that declare none of what a change names have no part
 * in it. Pure.
 *
 * Throws UndeclaredInCatalogError where the only catalog does not declare it.
 */
export function dryRun(catalogs: readonly Catalog[], changes: readonly TestChange[]): DryRun {
  const plans = catalogs.flatMap((catalog) => {
    const concerned = changes.filter((each) => declares(catalog, each) || catalogs.length === 1)
    return concerned.length === 0 ? [] : [plan(catalog, ...concerned)]
  })
  return {
    fences: plans.flatMap(({ fences, because }) => fences.map((tag) => ({ tag, because: because.get(tag) ?? [] }))),
    evictions: plans.flatMap(({ evictions }) => evictions),
    refreshes: plans.flatMap(({ refreshes }) =>
      refreshes.map(({ owner, template, key }) => ({ owner, template, key })),
    ),
  }
}

function declares({ json }: Catalog, each: TestChange): boolean {
  if ('table' in each) return json.tables[each.table] !== undefined
  return json.events?.[each.event] !== undefined
}

/**
 * Whether each of the changes fences a key, and of each rule that can why it does or does not. Pure.
 *
 * Throws KeyUnknownError, and UndeclaredInCatalogError where no catalog declares what a change names.
 */
export function explainKeyForChanges(
  catalogs: readonly Catalog[],
  text: string,
  changes: readonly TestChange[],
): readonly (readonly KeyExplanation[])[] {
  if (describeKey(catalogs, text).length === 0) throw keyUnknown(text, catalogs)
  return changes.map((change) => explainKey(catalogs, text, inColumns(catalogs, change)))
}

/** Aliases are a catalog's own: the change as all catalogs together see it, by the database's names. */
function inColumns(catalogs: readonly Catalog[], change: TestChange): Change | EmittedEvent {
  let undeclared: unknown
  let made: Change | EmittedEvent | undefined
  for (const catalog of catalogs)
    try {
      made = together(made, changeOf(catalog, change))
    } catch (error) {
      if (!(error instanceof UndeclaredInCatalogError)) throw error
      undeclared ??= error
    }
  if (made === undefined) throw undeclared
  return made
}

function together(one: Change | EmittedEvent | undefined, other: Change | EmittedEvent): Change | EmittedEvent {
  if (one === undefined || !('table' in one) || !('table' in other)) return other
  const changed = one.changed && other.changed && [...new Set([...one.changed, ...other.changed])]
  return {
    ...other,
    old: other.old && { ...one.old, ...other.old },
    new: other.new && { ...one.new, ...other.new },
    changed,
  }
}
