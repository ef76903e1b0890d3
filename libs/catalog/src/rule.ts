import type { RuleJson } from './json.js'
import type { DeclaredEvent } from './event.js'
import { ColumnRef, type FenceTarget } from './target.js'
import type { DeclaredTable } from './table.js'

/** The `{placeholders}` of a legacy key must be aliases of the rule's own table or event. */
export type LegacyKey<Text extends string, Alias extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name extends Alias
    ? LegacyKey<Rest, Alias> extends never
      ? never
      : Text
    : never
  : Text

export interface RuleOptions<Evicted extends string = string> {
  /** For explanations and logs. */
  readonly name?: string
  /** A key of another cache, `legacy:member:{id}`, with the table's aliases in it; deleted, best effort. */
  readonly evict?: Evicted | readonly Evicted[]
  /** Widen where the database cannot give an old column, instead of having the catalog refused. */
  readonly whenOldUnknown?: 'all'
}

/** A rule before its keys have names. */
export interface Rule {
  readonly on: RuleJson['on']
  readonly declares: { readonly table: DeclaredTable } | { readonly event: DeclaredEvent }
  readonly fences: readonly FenceTarget<string>[]
  readonly options: RuleOptions
}

/** The columns or parameters that a rule's callback binds. */
export type Row<Source extends string, Alias extends string> = { readonly [Name in Alias]: ColumnRef<Source> }

/** Something that happens, for which a rule can say what it fences. */
export interface Occasion<Source extends string, Alias extends string> {
  /**
   * The callback runs once, now, against references to the columns.
   *
   * @example members.any.fences((m) => [keys.profile.of({ id: m.id })])
   */
  fences<const Evicted extends string = never>(
    targets: (row: Row<Source, Alias>) => readonly FenceTarget<Source>[],
    options?: RuleOptions<LegacyKey<Evicted, Alias>>,
  ): Rule
}

/** Runs the callback against references, and keeps what it names. */
export function declareRule<Source extends string, Alias extends string>(
  declares: Rule['declares'],
  on: RuleJson['on'],
  aliases: readonly Alias[],
  targets: (row: Row<Source, Alias>) => readonly FenceTarget<Source>[],
  options: RuleOptions = {},
): Rule {
  const row = Object.fromEntries(aliases.map((alias) => [alias, new ColumnRef<Source>(alias)]))
  return { declares, on, fences: targets(row as Row<Source, Alias>), options }
}
