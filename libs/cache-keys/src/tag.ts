import { bindSegments, type BoundKey, type BoundParameters, type ParameterKinds } from './key.js'
import { shardOf } from './shard.js'
import type { Template } from './template.js'
import type { Wildcard } from './wildcard.js'

/**
 * What can be fenced. The three sorts never share a text: only a template's begins with `*`, only a wildcard's ends in
 * `*`, and a key's text holds none, since parameters escape it.
 */
export interface Tag {
  /** `member:42:balance`, `member:42:*`, or `*member:{id}:balance`. */
  readonly text: string
  /** A template's tag lives in every shard, so that a read stays on one node. */
  readonly shard: number | 'all'
}

/** The tag of one key. */
export const keyTag = (key: BoundKey): Tag => ({ text: key.text, shard: key.shard })

/** The tag of all keys of a template. */
export const templateTag = (template: Template): Tag => ({ text: `*${template.text}`, shard: 'all' })

export const isTemplateTag = (text: string): boolean => text.startsWith('*')

/**
 * The tag of a wildcard with its parameters bound.
 *
 * Throws UnencodableParameterError when a parameter is missing or has no canonical text.
 */
export function bindWildcard(wildcard: Wildcard, parameters: BoundParameters, kinds?: ParameterKinds): Tag {
  const text = bindSegments(wildcard.segments, 0, parameters, kinds)
  const sameText = wildcard.routing.length === wildcard.segments.length
  return { text: `${text}:*`, shard: shardOf(sameText ? text : leadingSegments(text, wildcard.routing.length)) }
}

/**
 * The tag by which a wildcard governs a bound key. Asks nothing again: the key's text begins with the wildcard's.
 *
 * Only for wildcards that govern the key's template (`wildcardGoverns`).
 */
export const governingWildcardTag = (wildcard: Wildcard, key: BoundKey): Tag => ({
  text: `${leadingSegments(key.text, wildcard.segments.length)}:*`,
  shard: key.shard,
})

// Escaped texts hold no ':' of their own, so that segments can be counted by it.
function leadingSegments(text: string, count: number): string {
  let end = -1
  for (let segment = 0; segment < count; segment++) {
    end = text.indexOf(':', end + 1)
    if (end === -1) return text
  }
  return text.slice(0, end)
}
