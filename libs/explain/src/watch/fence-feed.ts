import type { Catalog } from '@freshet/catalog'
import { decodeOrSkip, topics } from '@freshet/events'
import type { BroadcastReader, IncomingRecord, KafkaPort } from '@freshet/kafka'
import { tagRules, type TagRules } from '@freshet/planner'
import { seenFences, type SeenFence } from './seen-fence.js'
import type { TagFilter } from './tag-filter.js'

export interface FenceFeedOptions {
  readonly kafka: Pick<KafkaPort, 'broadcast'>
  readonly topicPrefix: string
  /** Whose rules are named; the same list again for as long as none comes or goes. */
  readonly catalogs: () => readonly Catalog[]
  /** The rules of all others are not even looked for. */
  readonly isWatched: TagFilter
  readonly onFence: (fence: SeenFence) => void
  /** The broker no longer had some records when they were asked for. */
  readonly onMissed: () => void
}

/**
 * Reads fences off `invalidations.v1` as they happen, beside all other readers: what it does slows no fence.
 *
 *   created --start()--> reading --close()--> closed, its group removed
 */
export class FenceFeed {
  readonly #reader: BroadcastReader
  #known: { readonly catalogs: readonly Catalog[]; readonly rules: TagRules } | undefined

  constructor(private readonly options: FenceFeedOptions) {
    this.#reader = options.kafka.broadcast({
      topics: [topics(options.topicPrefix).invalidations],
      from: 'latest',
      onRecord: (record) => this.#take(record),
      onDiscontinuity: () => options.onMissed(),
    })
  }

  /** Resolves once everything that is fenced from now on is told. Waits where nothing can be read yet. */
  start(): Promise<void> {
    return this.#reader.start()
  }

  close(): Promise<void> {
    return this.#reader.close()
  }

  #take({ value, topic }: IncomingRecord): void {
    const record = decodeOrSkip(value, topic)
    if (record.kind !== 'invalidation') return
    const { isWatched, topicPrefix, onFence } = this.options
    for (const fence of seenFences(record, isWatched, this.#rules, topicPrefix)) onFence(fence)
  }

  get #rules(): TagRules {
    const catalogs = this.options.catalogs()
    if (this.#known?.catalogs !== catalogs) this.#known = { catalogs, rules: tagRules(catalogs) }
    return this.#known.rules
  }
}
