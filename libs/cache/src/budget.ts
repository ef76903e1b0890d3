import type { Catalog, CompiledTemplate } from '@freshet/catalog'
import { BudgetUnknownTemplateError } from './errors.js'

/** How far a layer may be behind the database, and what happens past it (G2). */
export interface Budget {
  /** In milliseconds. */
  readonly maxLagMs: number
  /** `source`: reads go past the layer. `serve`: it goes on answering, which is then as true as it was. */
  readonly whenBlind: 'source' | 'serve'
}

/** The budgets of one template's values. */
export interface LayerBudgets {
  readonly l1: Budget
  readonly l2: Budget
}

export interface BudgetOptions {
  readonly l1: Partial<Budget>
  readonly l2: Partial<Budget>
  /** By the template's name; over those of the layers. */
  readonly templates?: Readonly<Record<string, Partial<Record<'l1' | 'l2', Partial<Budget>>>>>
}

/** `maxLagMs` without options. A template with a window has said that it may be behind; a strict one has not. */
export const defaultLagMs = { l1: 2_000, l2: 30_000, strict: 2_000 } as const

/**
 * The budgets of every template of a catalog.
 *
 * Throws BudgetUnknownTemplateError with every name that the catalog does not have.
 */
export function budgetsOf(catalog: Catalog, options: BudgetOptions): ReadonlyMap<string, LayerBudgets> {
  const unknown = Object.keys(options.templates ?? {}).filter((name) => !catalog.templates.has(name))
  if (unknown.length > 0) throw new BudgetUnknownTemplateError(unknown, catalog.owner)
  return new Map([...catalog.templates].map(([name, template]) => [name, budgetsOfTemplate(template, options)]))
}

function budgetsOfTemplate({ name, staleWhileRevalidateMs }: CompiledTemplate, options: BudgetOptions): LayerBudgets {
  const own = options.templates?.[name]
  const isStrict = staleWhileRevalidateMs === 0
  return {
    l1: { maxLagMs: defaultLagMs.l1, whenBlind: 'source', ...options.l1, ...own?.l1 },
    l2: { maxLagMs: isStrict ? defaultLagMs.strict : defaultLagMs.l2, whenBlind: 'source', ...options.l2, ...own?.l2 },
  }
}
