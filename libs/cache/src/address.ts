import {
  bindKey,
  bindWildcard,
  patternOf,
  templateTag,
  type BoundKey,
  type ParameterKinds,
  type Tag,
} from '@freshet/cache-keys'
import {
  governingTags,
  templateOf,
  type BoundWildcard,
  type Catalog,
  type CompiledTemplate,
  type TypedKey,
} from '@freshet/catalog'
import type { ShardTag } from '@freshet/coherence'
import { parseWildcard } from '@freshet/cache-keys'
import { WildcardUndeclaredError } from './errors.js'

/** Kinds by template name, as the record in force has them. */
export type KindsOfTemplates = Readonly<Record<string, ParameterKinds>>

/** One value's place in every layer, and what governs it. */
export class Address {
  /** The value's name inside this process; holds the fingerprint, as the physical key does. */
  readonly id: string
  #required: readonly ShardTag[] | undefined

  constructor(
    readonly template: CompiledTemplate,
    readonly key: BoundKey,
    /** What it was bound under; undefined while the kinds are unknown, and then nothing may be read or stored by it. */
    readonly kinds: KindsOfTemplates | undefined,
  ) {
    this.id = `${template.fingerprint}:${key.text}`
  }

  /** Governing tags in the order of value headers, all in the key's shard. A hit in L1 does without them. */
  get required(): readonly ShardTag[] {
    return (this.#required ??= governingTags(this.template, this.key).map(({ text }) => ({
      shard: this.key.shard,
      tag: text,
    })))
  }
}

/**
 * Finds the value behind a key.
 *
 * Throws KeyWithoutCatalogError when the catalog does not declare its template, and UnencodableParameterError when a
 * parameter is missing or has no canonical text.
 */
export function addressOf(catalog: Catalog, key: TypedKey, kinds: KindsOfTemplates | undefined): Address {
  const template = templateOf(catalog, key)
  return new Address(template, bindKey(template.template, key.parameters, kinds?.[template.name]), kinds)
}

/** What a loader's `tag()` takes: another key, or a wildcard with values bound. */
export type TagTarget = TypedKey | BoundWildcard

/**
 * The tags by which a loader's value is fenced with the target. Of a wildcard also the templates that it governs, whose
 * tags are what a gap fences (R9).
 *
 * Throws as `addressOf`, and WildcardUndeclaredError when the wildcard governs no template of the catalog.
 */
export function tagsOf(catalog: Catalog, target: TagTarget, kinds: KindsOfTemplates | undefined): readonly ShardTag[] {
  if (!('wildcard' in target)) return addressOf(catalog, target, kinds).required
  const { bound, governed } = bindDeclared(catalog, target, kinds)
  if (bound.shard === 'all') return []
  const { shard } = bound
  const texts = [bound.text, ...governed.map(({ template }) => templateTag(template).text)]
  return texts.map((tag) => ({ shard, tag }))
}

/**
 * Binds a wildcard as the templates that it governs name its places; with those templates.
 *
 * Throws WildcardUndeclaredError when it governs no template of the catalog, and UnencodableParameterError.
 */
export function bindDeclared(
  catalog: Catalog,
  target: BoundWildcard,
  kinds: KindsOfTemplates | undefined,
): { readonly bound: Tag; readonly governed: readonly CompiledTemplate[] } {
  const wildcard = parseWildcard(target.wildcard)
  const pattern = patternOf(wildcard.segments)
  const governed = [...catalog.templates.values()].flatMap((template) => {
    const own = template.wildcards.find(({ segments }) => patternOf(segments) === pattern)
    return own ? [{ template, own }] : []
  })
  const [first] = governed
  if (first === undefined) throw new WildcardUndeclaredError(target.wildcard, catalog.owner)
  // The template names the same places by names of its own, and kinds go by those.
  const own = Object.fromEntries(
    wildcard.parameters.flatMap((name, place) => {
      const value = target.parameters[name]
      return value === undefined ? [] : [[first.own.parameters[place] ?? name, value]]
    }),
  )
  const bound = bindWildcard(first.own, own, kinds?.[first.template.name])
  return { bound, governed: governed.map(({ template }) => template) }
}
