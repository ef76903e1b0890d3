import type { ShardTag, TagGeneration, ValueHeader } from '@freshet/coherence'

/** A value in hand, with what governs it. */
export interface HeldValue {
  /** Decoded, frozen in depth. */
  readonly value: unknown
  /** Length of its encoded form. */
  readonly encodedBytes: number
  readonly header: ValueHeader
  /** Every tag of the header with its generation there: what a value computed from this one inherits (R12). */
  readonly tags: readonly TagGeneration[]
}

/** Joins a header's generations with the tags that they belong to. */
export function tagGenerations(required: readonly ShardTag[], header: ValueHeader): TagGeneration[] {
  const tags: TagGeneration[] = []
  for (const [position, generation] of header.g.entries()) {
    const own = required[position]
    if (own) tags.push({ shard: own.shard, tag: own.tag, generation })
  }
  for (const [shard, tag, generation] of header.x ?? []) tags.push({ shard, tag, generation })
  return tags
}

/** Age in milliseconds, by this process's clock: for people and headers, never for a decision. */
export const ageMsOf = (header: ValueHeader): number => Math.max(0, Date.now() - header.at)
