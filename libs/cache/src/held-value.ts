import type { ShardTag, TagGeneration, ValueHeader } from '@freshet/coherence'

/** A value in hand, with what governs it. */
export class HeldValue {
  #tags: readonly TagGeneration[] | undefined

  constructor(
    /** Decoded, frozen in depth. */
    readonly value: unknown,
    /** Length of its encoded form. */
    readonly encodedBytes: number,
    readonly header: ValueHeader,
    /** Its template's tags, in the header's order. */
    private readonly required: readonly ShardTag[],
  ) {}

  /** Every tag of the header with its generation there: what a value computed from this one inherits (R12). */
  get tags(): readonly TagGeneration[] {
    return (this.#tags ??= tagGenerations(this.required, this.header))
  }

  /** In milliseconds, by this process's clock: for people and headers, never for a decision. */
  get ageMs(): number {
    return Math.max(0, Date.now() - this.header.at)
  }
}

function tagGenerations(required: readonly ShardTag[], { g, x = [] }: ValueHeader): TagGeneration[] {
  const tags: TagGeneration[] = []
  for (const [position, generation] of g.entries()) {
    const own = required[position]
    if (own) tags.push({ shard: own.shard, tag: own.tag, generation })
  }
  for (const [shard, tag, generation] of x) tags.push({ shard, tag, generation })
  return tags
}
