import type { ConsumerOptions, KafkaAdmin, Positions, TopicPartition } from './port.js'

/** `refresh` forgets what it knows of topics: kafkajs' admin sees added partitions only minutes later. */
export interface RefreshingAdmin extends KafkaAdmin {
  refresh(): void
}

export interface PlacesOptions extends Pick<ConsumerOptions, 'onOffsetOutOfRange'> {
  readonly positions: Positions
  readonly admin: RefreshingAdmin
}

/** Decides where a partition is read from: where `positions` says, if that is still in the log. */
export class Places {
  constructor(private readonly options: PlacesOptions) {}

  /** Throws what `positions` throws, and Error while the broker does not know a partition. */
  async find(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, bigint>> {
    const { positions, admin } = this.options
    const wanted = await positions(topic, partitions)
    // Asked for after the positions: the log only grows meanwhile, so that none is taken for lying behind its end.
    const kept = new Map((await admin.offsets(topic)).map((offsets) => [offsets.partition, offsets]))
    const places = new Map<number, bigint>()
    for (const partition of partitions) {
      const offsets = kept.get(partition)
      if (!offsets) {
        admin.refresh()
        throw new Error(`the broker does not tell the offsets of ${topic}/${partition} yet`)
      }
      const { low, high } = offsets
      const place = wanted.get(partition) ?? low
      const lost = place < low || place > high
      places.set(partition, lost ? await this.#whereInstead({ topic, partition }, place, low) : place)
    }
    return places
  }

  /**
   * A batch does not begin where it should: compaction and control records leave holes, but kafkajs also jumps, in
   * silence, to the first kept record when its position is no longer in the log. Where to go on then; undefined for a hole.
   */
  async afterJump(at: TopicPartition, expected: bigint, first: bigint): Promise<bigint | undefined> {
    const offsets = (await this.options.admin.offsets(at.topic)).find(({ partition }) => partition === at.partition)
    if (first > expected && offsets && offsets.low <= expected) return undefined
    return this.#whereInstead(at, expected, offsets?.low ?? first)
  }

  async #whereInstead({ topic, partition }: TopicPartition, wanted: bigint, low: bigint): Promise<bigint> {
    return (await this.options.onOffsetOutOfRange?.(topic, partition, wanted, low)) ?? low
  }
}
