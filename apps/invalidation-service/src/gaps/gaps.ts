import type { Tag } from '@freshet/cache-keys'
import { encodeInvalidation, type GapCause, type Topics } from '@freshet/events'
import type { BatchProducer } from '@freshet/kafka'
import type { FenceSession, TakeFloor } from '@freshet/redis'
import type { Occurrences } from '@freshet/service-kit'
import type { InvalidationOccurrences } from '../occurrences.js'

/**
 * Applies gaps (R9): changes may have been missed, so everything that their rules could have fenced is fenced, behind a
 * floor that keeps out every load which might not see them.
 */
export class Gaps {
  constructor(
    private readonly takeFloor: TakeFloor,
    private readonly producer: BatchProducer,
    private readonly topics: Topics,
    private readonly source: string,
    private readonly occurrences: Occurrences<InvalidationOccurrences>,
  ) {}

  /** Resolves once the fences hold and every client's memory has been told. */
  async apply(session: FenceSession, cause: GapCause, scope: string, templates: readonly Tag[]): Promise<void> {
    if (templates.length === 0) return
    await session.gap(templates, this.takeFloor)
    const tags = [...new Set(templates.map((tag) => tag.text))] // memories know a template's tag as one, whatever its shards
    const announcement = encodeInvalidation({
      source: this.source,
      shard: 'all',
      tags,
      cause: 'gap',
      gap: cause,
      fencedAt: Date.now(),
    })
    await this.producer.send([{ topic: this.topics.invalidations, ...announcement }])
    this.occurrences.emit('gap:applied', { cause, scope, templates: templates.length, tags })
  }
}
