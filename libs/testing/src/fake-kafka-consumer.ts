import { setTimeout as sleep } from 'node:timers/promises'
import type {
  BatchConsumer,
  BatchContext,
  ConsumerHealth,
  ConsumerOptions,
  IncomingBatch,
  TopicPartition,
} from '@freshet/kafka'
import type { FakeKafkaServer } from './fake-kafka.js'

const batchSize = 100

/** One assigned partition; aborted when it is taken away. */
interface FakeLane extends TopicPartition {
  readonly abort: AbortController
  position: bigint | undefined
  failure?: string
  done: Promise<void>
}

/**
 * A member of a group in memory: each assigned partition is read by a loop of its own.
 *
 *   stopped --start()--> member --close()--> closed
 */
export class FakeConsumer implements BatchConsumer {
  #mode: 'stopped' | 'member' | 'closed' = 'stopped'
  #pausedBecause: string | undefined
  #topics: readonly string[]
  #lanes: FakeLane[] = []
  /** Loops of partitions that were taken away. */
  #leftovers: Promise<void> = Promise.resolve()
  #stopListening: () => void = () => undefined
  #knownPartitions = 0

  constructor(
    private readonly server: FakeKafkaServer,
    private readonly options: ConsumerOptions,
    private readonly commits: 'each' | 'monitoring' | 'none',
    private readonly onPosition: (at: TopicPartition, position: bigint) => void = () => undefined,
  ) {
    this.#topics = options.topics
  }

  async start(): Promise<void> {
    this.#mode = 'member'
    this.#group.members.push(this)
    this.#stopListening = this.server.onChange(() => this.#assignTopicsThatCame())
    this.#rebalance()
  }

  async close(): Promise<void> {
    if (this.#mode === 'member') {
      this.#stopListening()
      const { members } = this.#group
      members.splice(members.indexOf(this), 1)
      this.revoke()
      await this.#leftovers
      for (const other of members) other.assign()
    }
    this.#mode = 'closed'
  }

  health(): ConsumerHealth {
    if (this.#mode !== 'member') return { state: 'stopped', reason: 'not started, or closed' }
    if (this.#pausedBecause !== undefined) return { state: 'paused', reason: this.#pausedBecause }
    const missing = this.#topics.filter((topic) => !this.server.topicNames().includes(topic))
    if (missing.length === this.#topics.length)
      return { state: 'waiting-for-topics', reason: `does not exist yet: ${missing.join(', ')}` }
    const behind = this.#lanes.find(({ failure }) => failure !== undefined)
    if (behind) return { state: 'failing', reason: behind.failure ?? '' }
    if (this.#lanes.some(({ position }) => position === undefined))
      return { state: 'starting', reason: 'asking where to go on' }
    return { state: 'consuming', ...(missing.length > 0 && { missingTopics: missing }) }
  }

  pause(reason = 'paused by its owner'): void {
    this.#pausedBecause = reason
  }

  resume(): void {
    this.#pausedBecause = undefined
    for (const lane of this.#lanes) lane.position = undefined
    this.server.changed()
  }

  subscribe(topics: readonly string[]): void {
    this.#topics = topics
    if (this.#mode === 'member') this.#rebalance()
  }

  assignment(): readonly TopicPartition[] {
    return this.#lanes.map(({ topic, partition }) => ({ topic, partition }))
  }

  /** Takes this member's share: every n-th partition of its topics. */
  assign(): void {
    this.revoke()
    const { members } = this.#group
    const partitions = this.#partitions().filter((_, index) => index % members.length === members.indexOf(this))
    this.#lanes = partitions.map((at) => ({
      ...at,
      abort: new AbortController(),
      position: undefined,
      done: this.#leftovers,
    }))
    if (partitions.length > 0) void this.options.onAssigned?.(partitions)
    for (const lane of this.#lanes) lane.done = this.#leftovers.then(() => this.#run(lane))
  }

  revoke(): void {
    const lanes = this.#lanes
    this.#lanes = []
    if (lanes.length === 0) return
    for (const { abort } of lanes) abort.abort()
    this.#leftovers = Promise.all(lanes.map(({ done }) => done)).then(() => undefined)
    void this.options.onRevoked?.(lanes.map(({ topic, partition }) => ({ topic, partition })))
    this.server.changed()
  }

  get #group() {
    return this.server.group(this.options.groupId)
  }

  #partitions(): TopicPartition[] {
    return this.#topics
      .filter((topic) => this.server.topicNames().includes(topic))
      .flatMap((topic) => this.server.logs(topic).map((_, partition) => ({ topic, partition })))
  }

  #assignTopicsThatCame(): void {
    if (this.#partitions().length !== this.#knownPartitions) this.#rebalance()
  }

  #rebalance(): void {
    this.#knownPartitions = this.#partitions().length
    for (const member of this.#group.members) member.assign()
  }

  async #run(lane: FakeLane): Promise<void> {
    const { signal } = lane.abort
    let failures = 0
    while (!signal.aborted) {
      const { version } = this.server
      try {
        if (!(await this.#step(lane))) await this.#changeSince(version, signal)
        if (lane.failure === undefined) failures = 0
      } catch (error) {
        lane.failure = error instanceof Error ? error.message : String(error)
        this.options.onHandlerError?.(error, {
          topic: lane.topic,
          partition: lane.partition,
          offset: lane.position ?? 0n,
        })
        lane.position = undefined
        const { retryMs = 100, retryMaxMs = 5_000 } = this.options
        await pauseOf(Math.min(retryMaxMs, retryMs * 2 ** failures), signal)
        failures += 1
      }
    }
  }

  /** Handles one batch. False when there is nothing to do until something changes. */
  async #step(lane: FakeLane): Promise<boolean> {
    if (this.#pausedBecause !== undefined || this.server.down) return false
    const { topic, partition } = lane
    const log = this.server.log(topic, partition)
    const high = this.server.end(log)
    const wanted = lane.position ?? (await this.#place(lane))
    const position =
      wanted < log.low || wanted > high
        ? ((await this.options.onOffsetOutOfRange?.(topic, partition, wanted, log.low)) ?? log.low)
        : wanted
    if (lane.abort.signal.aborted) return false
    if (lane.position !== position) {
      lane.position = position
      this.onPosition(lane, position)
    }
    const records = log.records.filter(({ offset }) => offset >= position).slice(0, batchSize)
    const [first] = records
    if (!first) return false
    const nextOffset = first.offset + BigInt(records.length)
    const batch: IncomingBatch = {
      topic,
      partition,
      firstOffset: first.offset,
      nextOffset,
      highWatermark: high,
      records,
    }
    await this.options.onBatch(batch, contextOf(lane, position))
    delete lane.failure
    if (lane.abort.signal.aborted && this.#group.members.includes(this)) return false
    if (this.commits !== 'none') this.#group.committed.set(`${topic}/${partition}`, nextOffset)
    if (lane.position !== position) return true // resumed meanwhile: positions decide
    lane.position = nextOffset
    this.onPosition(lane, nextOffset)
    return true
  }

  async #place({ topic, partition }: FakeLane): Promise<bigint> {
    const { positions, groupId } = this.options
    if (positions === 'committed')
      return this.server.group(groupId).committed.get(`${topic}/${partition}`) ?? this.server.log(topic, partition).low
    return (await positions(topic, [partition])).get(partition) ?? this.server.log(topic, partition).low
  }

  #changeSince(version: number, signal: AbortSignal): Promise<void> {
    if (this.server.version !== version || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        stop()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const stop = this.server.onChange(done)
      signal.addEventListener('abort', done)
    })
  }
}

const contextOf = (lane: FakeLane, position: bigint): BatchContext => ({
  heartbeat: () => new Promise((resolve) => setImmediate(resolve)),
  signal: lane.abort.signal,
  isStale: () => lane.abort.signal.aborted || lane.position !== position,
})

const pauseOf = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined)
