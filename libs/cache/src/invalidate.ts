import { bindKey, keyTag, templateTag, type Tag } from '@freshet/cache-keys'
import {
  templateOf,
  type BoundWildcard,
  type Catalog,
  type CompiledTemplate,
  type DeclaredKey,
  type TypedKey,
} from '@freshet/catalog'
import { encodeInvalidation, topics } from '@freshet/events'
import type { KafkaPort } from '@freshet/kafka'
import { derivedTags } from '@freshet/planner'
import { bindDeclared, type KindsOfTemplates } from './address.js'
import { KeyNotExactError } from './errors.js'

/** What can be invalidated by hand: one key, a wildcard with values bound, or all keys of a template (`keys.balance`). */
export type InvalidationTarget = TypedKey | BoundWildcard | DeclaredKey

/**
 * The tags whose rotation makes the target's values unservable, and those that the catalog says are derived from them. Where a template has a window, or `staleIfError`, that of the template is among
 * them, in the target's shard alone: a change may have ended the target's own generation already, and left a window open,
 * which a template's tag ends whatever there is (`windowsToOpen`).
 *
 * Throws KeyWithoutCatalogError, KeyNotExactError, WildcardUndeclaredError, and UnencodableParameterError.
 */
export function tagsByHand(catalog: Catalog, target: InvalidationTarget, kinds: KindsOfTemplates): readonly Tag[] {
  const { tag, governed } = named(catalog, target, kinds)
  const derived = derivedTags(catalog, tag)
  return [
    tag,
    ...endingWindows(governed, tag.shard),
    ...derived.flatMap((each) => [each.tag, ...endingWindows([each.template], each.tag.shard)]),
  ]
}

function named(
  catalog: Catalog,
  target: InvalidationTarget,
  kinds: KindsOfTemplates,
): { readonly tag: Tag; readonly governed: readonly CompiledTemplate[] } {
  if ('wildcard' in target) {
    const { bound, governed } = bindDeclared(catalog, target, kinds)
    return { tag: bound, governed }
  }
  if (!('definition' in target)) {
    const typed = { definition: target, template: target.name, parameters: {} }
    return { tag: templateTag(templateOf(catalog, typed).template), governed: [] }
  }
  const compiled = templateOf(catalog, target)
  const { name, template, exact } = compiled
  if (!exact) throw new KeyNotExactError(name)
  return { tag: keyTag(bindKey(template, target.parameters, kinds[name])), governed: [compiled] }
}

/** None for a template's tag, which ends them by itself. */
const endingWindows = (templates: readonly CompiledTemplate[], shard: Tag['shard']): Tag[] =>
  (shard === 'all' ? [] : templates)
    .filter(({ staleWhileRevalidateMs, staleIfErrorMs }) => staleWhileRevalidateMs > 0 || staleIfErrorMs > 0)
    .map(({ template }) => ({ ...templateTag(template), shard }))

export interface ByHand {
  /** Rotates the tags in Redis. */
  readonly rotate: () => Promise<void>
  readonly kafka: Pick<KafkaPort, 'producer'>
  readonly topicPrefix: string
  /** Of the CloudEvents that tell of it. */
  readonly source: string
}

/**
 * Makes what tags govern unservable by hand: in Redis, THEN in every memory. For tools that have tags instead of keys;
 * services call `cache.invalidate`.
 *
 * Throws as `rotate` does, and SendFailedError when memories could not be told; it may be repeated.
 */
export async function invalidateTags(
  tags: readonly Tag[],
  { rotate, kafka, topicPrefix, source }: ByHand,
): Promise<void> {
  const producer = await kafka.producer() // before anything is rotated: memories have to hear of it
  try {
    await rotate()
    const topic = topics(topicPrefix).invalidations
    await producer.send(
      tags.map(({ text, shard }) => ({
        topic,
        ...encodeInvalidation({ source, shard, tags: [text], cause: 'hand', fencedAt: Date.now() }),
      })),
    )
  } finally {
    await producer.close()
  }
}
