import {
  governingWildcardTag,
  keyTag,
  templateTag,
  type BoundKey,
  type Tag,
  type Template,
  type Wildcard,
} from '@freshet/cache-keys'
import type { CatalogJson } from './json.js'
import { KeyWithoutCatalogError, type TypedKey } from './key.js'

/** A valid catalog, ready for use. */
export interface Catalog {
  readonly json: CatalogJson
  readonly owner: string
  readonly version: string
  /** SHA-256 (hex) of the canonical JSON: equal for identical content, however it is ordered. */
  readonly fingerprint: string
  /** By the template's name. */
  readonly templates: ReadonlyMap<string, CompiledTemplate>
}

/** One template with everything a read or a fence needs to know of it. */
export interface CompiledTemplate {
  readonly name: string
  readonly owner: string
  readonly template: Template
  readonly ttlMs: number
  /** 0: never stale. */
  readonly staleWhileRevalidateMs: number
  /** 0: an error of the source is an error. */
  readonly staleIfErrorMs: number
  readonly warm: boolean
  /** May single keys be fenced? Then each key has a tag of its own. */
  readonly exact: boolean
  /** Those that govern it, in its own parameter names, sorted by text. */
  readonly wildcards: readonly Wildcard[]
  /** 12 hex digits of the template's text and its governing tags: part of every physical key (DESIGN 5). */
  readonly fingerprint: string
}

/** The tags that a value must be fresh under, in the fixed order of value headers: key if exact, wildcards, template. */
export function governingTags(template: CompiledTemplate, key: BoundKey): readonly Tag[] {
  const tags: Tag[] = template.exact ? [keyTag(key)] : []
  for (const wildcard of template.wildcards) tags.push(governingWildcardTag(wildcard, key))
  tags.push(templateTag(template.template))
  return tags
}

/**
 * The compiled template of a typed key.
 *
 * Throws KeyWithoutCatalogError when the key's definition is not in this catalog.
 */
export function templateOf(catalog: Catalog, key: TypedKey): CompiledTemplate {
  const compiled = catalog.templates.get(key.template)
  if (compiled?.template.text !== key.definition.text)
    throw new KeyWithoutCatalogError(key.definition.text, catalog.owner)
  return compiled
}
