import type { Query, Scalar } from '@freshet/cache-keys'
import type { TargetJson, TemplateJson } from './json.js'
import { aliasesOf, ColumnRef, type Target } from './target.js'

/** The parameters inside a template's text: `'member:{id}:transactions:{query}'` has `id` and `query`. */
export type ParameterNames<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterNames<Rest>
  : never

/** What a template's parameters take. */
export type ParametersOf<Text extends string> = {
  readonly [Name in ParameterNames<Text>]: Name extends 'query' ? Query : Scalar
}

/** What rules bind a template's parameters to. A query has no column, so that such a key is never a target. */
export type ColumnsFor<Parameters, Source extends string> = {
  readonly [Name in keyof Parameters]: Name extends 'query' ? never : ColumnRef<Source>
}

/** A template's options; durations are text with units. */
export type KeyOptions = Readonly<Omit<TemplateJson, 'template'>>

declare const valueBrand: unique symbol

/** A template as a service declares it; its name comes from the catalog that it is put into. */
export interface DeclaredKey {
  readonly text: string
  readonly options: KeyOptions
  /** Its name in its catalog. Throws KeyWithoutCatalogError before `catalog()` has named it. */
  readonly name: string
}

/** A declared key with its parameters' and its value's type. */
export interface KeyDefinition<Parameters extends object, out Value> extends DeclaredKey {
  readonly [valueBrand]?: Value
  /** With values: the key to read. Cheap: nothing is parsed or checked before it is read. */
  of(parameters: Parameters): TypedKey<Value, Parameters>
  /** With columns, inside a rule: what the rule fences. */
  of<Source extends string>(columns: ColumnsFor<Parameters, Source>): Target<Source>
}

/** A key whose value's type is still open. */
export interface UntypedKeyDefinition<Parameters extends object> extends KeyDefinition<Parameters, unknown> {
  /** Names the type of the value behind the key. */
  returns<Value>(): KeyDefinition<Parameters, Value>
}

/** A key with its parameters, and the type of the value behind it. */
export interface TypedKey<out Value = unknown, out Parameters = Readonly<Record<string, Scalar | Query>>> {
  readonly [valueBrand]?: Value
  readonly definition: DeclaredKey
  /** The template's name in its catalog. Throws KeyWithoutCatalogError when the definition is in none. */
  readonly template: string
  readonly parameters: Parameters
}

/** A key was used that no catalog, or another one, declares. */
export class KeyWithoutCatalogError extends Error {
  readonly code = 'KEY_WITHOUT_CATALOG'

  constructor(
    /** The template's text. */
    readonly key: string,
    readonly owner?: string,
  ) {
    super(`"${key}" is in no ${owner === undefined ? '' : `"${owner}" `}catalog; add it to the keys of catalog(...)`)
    this.name = 'KeyWithoutCatalogError'
  }
}

/**
 * Declares a key template; faults in the text or options are told by `catalog()`, all at once.
 *
 * @example key('member:{id}:profile', { ttl: '1h', staleWhileRevalidate: '5s' }).returns<Profile>()
 */
export const key = <const Text extends string>(
  text: Text,
  options: KeyOptions,
): UntypedKeyDefinition<ParametersOf<Text>> => new Definition<ParametersOf<Text>, unknown>(text, options)

type Columns = Readonly<Record<string, ColumnRef>>

/** A loop over the names and not `Object.values`: `of` is on the way of every read. */
function bindsColumns(bound: object): bound is Columns {
  for (const name in bound) {
    const value: unknown = bound[name as keyof typeof bound]
    if (value instanceof ColumnRef) return true
  }
  return false
}

/** What `key()` makes; `catalog()` gives it its name. */
export class Definition<Parameters extends object, Value> implements UntypedKeyDefinition<Parameters> {
  declare readonly [valueBrand]?: Value
  #name: string | undefined

  constructor(
    readonly text: string,
    readonly options: KeyOptions,
  ) {}

  get name(): string {
    if (this.#name === undefined) throw new KeyWithoutCatalogError(this.text)
    return this.#name
  }

  /** False when another catalog already gave it another name: one definition has one name. */
  takesName(name: string): boolean {
    return this.#name === undefined || this.#name === name
  }

  assignName(name: string): void {
    this.#name = name
  }

  returns<Returned>(): KeyDefinition<Parameters, Returned> {
    return new Definition<Parameters, Returned>(this.text, this.options)
  }

  of(parameters: Parameters): TypedKey<Value, Parameters>
  of<Source extends string>(columns: ColumnsFor<Parameters, Source>): Target<Source>
  of(bound: Parameters | Columns): TypedKey<Value, Parameters> | Target {
    return bindsColumns(bound) ? new KeyTarget(this, bound) : new Key<Value, Parameters>(this, bound)
  }
}

class Key<Value, Parameters> implements TypedKey<Value, Parameters> {
  declare readonly [valueBrand]?: Value

  constructor(
    readonly definition: DeclaredKey,
    readonly parameters: Parameters,
  ) {}

  get template(): string {
    return this.definition.name
  }
}

class KeyTarget implements Target {
  constructor(
    private readonly key: DeclaredKey,
    private readonly columns: Columns,
  ) {}

  toJson(nameOf: (key: DeclaredKey) => string): TargetJson {
    return { key: nameOf(this.key), with: aliasesOf(this.columns) }
  }
}
