import type { Catalog } from '@freshet/catalog'
import type { ColumnValue } from './change.js'
import type { Cause, Refresh } from './plan.js'

/** A row by the catalog's aliases; a missing alias is unknown to an update or delete. */
export type AliasRow = Readonly<Record<string, ColumnValue>>

/** What a unit test says about a change. */
export type TestChange =
  | { readonly table: string; readonly insert: AliasRow }
  | { readonly table: string; readonly update: { readonly old: AliasRow; readonly new: AliasRow } }
  | { readonly table: string; readonly delete: AliasRow }
  | { readonly table: string; readonly truncate: true }
  | { readonly event: string; readonly parameters: Readonly<Record<string, string | number | bigint | boolean>> }

/** What the change does. */
export interface TestPlan {
  /** Texts of the fenced tags, sorted. */
  readonly fences: readonly string[]
  /** Legacy keys to delete, sorted. */
  readonly evictions: readonly string[]
  readonly refreshes: readonly Refresh[]
  /** By a tag's text: the rules that fenced it. */
  readonly because: ReadonlyMap<string, readonly Cause[]>
}

/**
 * Plans one change in a unit test, without any server.
 *
 * @example plan(membersCatalog, { table: 'public.payments', insert: { id: 1, memberId: 42, status: 'completed' } }).fences
 */
export function plan(_catalog: Catalog, _change: TestChange): TestPlan {
  return { fences: [], evictions: [], refreshes: [], because: new Map() }
}
