import type { Scalar } from '@freshet/cache-keys'
import type { TargetJson } from './json.js'
import type { DeclaredKey, ParameterNames, TypedKey } from './key.js'

declare const sourceBrand: unique symbol

/** A column of a table, or a parameter of an emitted event, as rules see it: its name, never a value. */
export class ColumnRef<out Source extends string = string> {
  declare readonly [sourceBrand]?: Source

  constructor(readonly alias: string) {}
}

/** What a rule fences, before its keys have names. `Source` is the table or event whose columns it binds. */
export interface Target<out Source extends string = string> {
  readonly [sourceBrand]?: Source
  /** `nameOf` gives a definition its name in the catalog. */
  toJson(nameOf: (key: DeclaredKey) => string): TargetJson
}

/** A wildcard with values bound: what a loader's `tag()` and invalidation by hand take. */
export interface BoundWildcard {
  readonly wildcard: string
  readonly parameters: Readonly<Record<string, Scalar>>
}

/** What a rule may fence: targets over its own columns, and keys without parameters. */
export type FenceTarget<Source extends string> = Target<Source> | TypedKey<unknown, Record<string, never>>

type WildcardText = `${string}:*`
type Bindings<Text extends string, Value> = { readonly [Name in ParameterNames<Text>]: Value }
type WithoutParameters<Text extends string> = [ParameterNames<Text>] extends [never] ? Text : never

/**
 * A declared set of keys that is fenced as one: in a rule over columns, elsewhere over values.
 *
 * @example wildcard('member:{id}:*', { id: member.id })
 */
export function wildcard<const Text extends WildcardText>(text: WithoutParameters<Text>): Target<never> & BoundWildcard
export function wildcard<const Text extends WildcardText, Source extends string>(
  text: Text,
  columns: Bindings<Text, ColumnRef<Source>>,
): Target<Source>
export function wildcard<const Text extends WildcardText>(text: Text, values: Bindings<Text, Scalar>): BoundWildcard
export function wildcard(text: string, bindings: Record<string, ColumnRef | Scalar> = {}): Target & BoundWildcard {
  const parameters: Record<string, Scalar> = {}
  for (const [name, bound] of Object.entries(bindings)) if (!(bound instanceof ColumnRef)) parameters[name] = bound
  return { wildcard: text, parameters, toJson: () => ({ wildcard: text, with: aliasesOf(bindings) }) }
}

/**
 * All keys of a template, for changes that lack a parameter of its routing prefix. Costs two commands in each of the
 * 1,024 shards.
 *
 * @example template(keys.balance)
 */
export const template = (key: DeclaredKey): Target<never> => ({ toJson: (nameOf) => ({ template: nameOf(key) }) })

/** Parameter -> alias, as the JSON form has it; whatever is no column is left out, and validation names it. */
export function aliasesOf(bindings: Readonly<Record<string, unknown>>): Record<string, string> {
  const aliases: Record<string, string> = {}
  for (const [parameter, bound] of Object.entries(bindings))
    if (bound instanceof ColumnRef) aliases[parameter] = bound.alias
  return aliases
}
