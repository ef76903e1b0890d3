import type { Consumer } from 'kafkajs'
import { laneKey } from './lane.js'
import type { TopicPartition } from './port.js'

const everyMs = 1_000

/**
 * Writes handled positions to the group.
 *
 * `each`: before the next batch, since the group's offsets are the truth. `monitoring`: now and then, since they are a
 * copy for others to look at. `none`: never.
 */
export class Commits {
  readonly #due = new Map<string, TopicPartition & { readonly offset: string }>()
  #timer: NodeJS.Timeout | undefined

  constructor(
    private readonly client: Consumer,
    private readonly policy: CommitPolicy,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Resolves at once unless the policy is `each`. Never throws: what could not be committed is handled again. */
  async handled({ topic, partition }: TopicPartition, nextOffset: bigint): Promise<void> {
    if (this.policy === 'none') return
    this.#due.set(laneKey(topic, partition), { topic, partition, offset: String(nextOffset) })
    if (this.policy === 'each') return this.flush()
    this.#timer ??= setTimeout(() => void this.flush(), everyMs)
  }

  /** A partition that is taken away is no longer ours to commit. */
  forget({ topic, partition }: TopicPartition): void {
    this.#due.delete(laneKey(topic, partition))
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const due = [...this.#due.values()]
    if (due.length === 0) return
    this.#due.clear()
    await this.client.commitOffsets(due).catch(this.onError)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#due.clear()
  }
}

export type CommitPolicy = 'each' | 'monitoring' | 'none'
