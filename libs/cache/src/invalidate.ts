import { bindKey, keyTag, templateTag, type Tag } from '@freshet/cache-keys'
import { templateOf, type BoundWildcard, type Catalog, type DeclaredKey, type TypedKey } from '@freshet/catalog'
import { encodeInvalidation, topics } from '@freshet/events'
import type { KafkaPort } from '@freshet/kafka'
import { bindDeclared, type KindsOfTemplates } from './address.js'
import { KeyNotExactError } from './errors.js'

/** What can be invalidated by hand: one key, a wildcard with values bound, or all keys of a template (`keys.balance`). */
export type InvalidationTarget = TypedKey | BoundWildcard | DeclaredKey

/**
 * The tag whose rotation makes the target's values unservable.
 *
 * Throws KeyWithoutCatalogError, KeyNotExactError, WildcardUndeclaredError, and UnencodableParameterError.
 */
export function tagByHand(catalog: Catalog, target: InvalidationTarget, kinds: KindsOfTemplates): Tag {
  if ('wildcard' in target) return bindDeclared(catalog, target, kinds).bound
  if (!('definition' in target)) {
    const typed = { definition: target, template: target.name, parameters: {} }
    return templateTag(templateOf(catalog, typed).template)
  }
  const { name, template, exact } = templateOf(catalog, target)
  if (!exact) throw new KeyNotExactError(name)
  return keyTag(bindKey(template, target.parameters, kinds[name]))
}

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
