import type { IncomingBatch, TopicPartition } from '@freshet/kafka'

/**
 * How far the single records of a batch that failed midway were handled. The batch comes again as a whole; those before
 * the one that failed need not.
 */
export class RecordProgress {
  readonly #nextOffsets = new Map<string, bigint>()

  /** The first offset of this batch that is still to be handled. */
  begin({ topic, partition, firstOffset }: IncomingBatch): bigint {
    const reached = this.#nextOffsets.get(keyOf({ topic, partition }))
    return reached !== undefined && reached > firstOffset ? reached : firstOffset
  }

  handled(at: TopicPartition, offset: bigint): void {
    this.#nextOffsets.set(keyOf(at), offset + 1n)
  }

  /** The batch is done; also a position that goes back on purpose is then followed. */
  end(at: TopicPartition): void {
    this.#nextOffsets.delete(keyOf(at))
  }
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`
