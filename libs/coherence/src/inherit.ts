import { shardTagText, type ShardTag, type TagGeneration } from './generation.js'

/** `further`: what the header names beside the template's own tags. `changed`: a tag that was seen under two generations. */
export type Inheritance = { readonly further: readonly TagGeneration[] } | { readonly changed: ShardTag }

/**
 * The tags that govern a value beside its template's own (R12): the union of what inner values and `tag()` brought, each
 * with the generation it was validated or captured under. One tag under two generations means that the parts are of
 * different ages: such a value may not be stored.
 */
export function inherit(own: readonly TagGeneration[], inner: Iterable<TagGeneration>): Inheritance {
  const known = new Map(own.map((tag) => [shardTagText(tag), tag.generation]))
  const further: TagGeneration[] = []
  for (const { shard, tag, generation } of inner) {
    const text = shardTagText({ shard, tag })
    const before = known.get(text)
    if (before === generation) continue
    if (before !== undefined) return { changed: { shard, tag } }
    known.set(text, generation)
    further.push({ shard, tag, generation })
  }
  return { further }
}
