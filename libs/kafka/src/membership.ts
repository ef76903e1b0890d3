import type { Consumer, EachBatchPayload } from 'kafkajs'
import { incomingBatch } from './batch.js'
import { Commits, type CommitPolicy } from './commits.js'
import { Lane, laneKey } from './lane.js'
import { Places, type PlacesOptions } from './places.js'
import type { ConsumerOptions, IncomingBatch, TopicPartition } from './port.js'

/**
 * kafkajs fetches again only when every batch of the last fetch is handled. A handler that takes longer than this is left
 * to itself, its partition paused, so that the others, the heartbeats and a rebalance go on.
 */
const patienceMs = 250

/** Who follows a consumer's positions. */
export interface Progress {
  /** A partition was placed, or its records up to here are handled. */
  readonly onPosition?: (at: TopicPartition, position: bigint) => void
  /** Every assigned partition is being read. */
  readonly onReady?: (topics: ReadonlySet<string>) => void
}

export interface MembershipOptions
  extends Omit<ConsumerOptions, 'groupId' | 'topics' | 'positions'>, PlacesOptions, Progress {
  readonly commits: CommitPolicy
}

/**
 * What one kafkajs consumer is assigned, from its joining to its end: lanes that begin where `positions` says and hand
 * their batches to `onBatch`.
 *
 * Invariants: a lane that is not ready is paused in kafkajs (a batch that is neither resolved nor paused would come again
 * at once, thousands of times a second); kafkajs never sees an error from here (it would end the consumer for good).
 */
export class Membership {
  readonly #lanes = new Map<string, Lane>()
  /** Handlers still at work for partitions that were taken away. */
  readonly #leftovers = new Map<string, Promise<unknown>>()
  readonly #commits: Commits
  readonly #places: Places
  #pausedBecause: string | undefined
  #ending = false
  #hasJoined = false

  constructor(
    private readonly client: Consumer,
    private readonly options: MembershipOptions,
    pausedBecause: string | undefined,
  ) {
    this.#pausedBecause = pausedBecause
    this.#places = new Places(options)
    this.#commits = new Commits(client, options.commits, (error) => {
      const [lane] = this.lanes
      if (lane) this.#report(error, lane)
    })
    client.on(client.events.GROUP_JOIN, ({ payload }) => this.#joined(payload.memberAssignment))
    client.on(client.events.REBALANCING, () => this.#revokeAll())
    client.on(client.events.END_BATCH_PROCESS, ({ payload }) => {
      // Nothing but control or aborted records: kafkajs moves on without handing it over.
      if (payload.batchSize === 0) this.#skipped(payload.topic, payload.partition, BigInt(payload.lastOffset) + 1n)
    })
  }

  get joined(): boolean {
    return this.#hasJoined
  }

  get lanes(): readonly Lane[] {
    return [...this.#lanes.values()]
  }

  /** For kafkajs' `eachBatch`. */
  async eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload
    const lane = this.#lanes.get(laneKey(batch.topic, batch.partition))
    if (lane?.mode !== 'ready') return this.#pauseIn(batch)
    const incoming = incomingBatch(batch)
    if (incoming.firstOffset !== lane.position && (await this.#lostPlace(lane, incoming.firstOffset))) return
    const handled = this.#handle(lane, incoming)
    const outcome = await withPatience(handled, patienceMs)
    if (outcome === 'handled') return payload.resolveOffset(batch.lastOffset())
    if (outcome !== undefined) return
    this.#pauseIn(lane)
    void handled.then((late) => {
      if (late === 'handled' && lane.mode === 'ready') this.#goOn(lane, lane.position)
    })
  }

  pause(reason: string): void {
    this.#pausedBecause = reason
    for (const lane of this.lanes) this.#pauseIn(lane)
  }

  resume(): void {
    this.#pausedBecause = undefined
    this.#findPlaces(this.lanes)
  }

  /** Aborts and awaits all handlers, then commits what they handled. */
  async end(): Promise<void> {
    this.#ending = true
    this.#revokeAll()
    await Promise.all(this.#leftovers.values())
    await this.#commits.flush()
    this.#commits.stop()
  }

  /** For a consumer that is gone already: nothing can be committed any more. */
  async abandon(): Promise<void> {
    this.#commits.stop()
    this.#revokeAll()
    await Promise.all(this.#leftovers.values())
  }

  #joined(assignment: Readonly<Record<string, number[]>>): void {
    this.#revokeAll()
    this.#hasJoined = true
    const { retryMs = 100, retryMaxMs = 5_000, onAssigned } = this.options
    for (const [topic, partitions] of Object.entries(assignment)) {
      const lanes = partitions.map((partition) => new Lane(topic, partition, retryMs, retryMaxMs))
      for (const lane of lanes) {
        this.#lanes.set(laneKey(topic, lane.partition), lane)
        this.#pauseIn(lane)
      }
    }
    this.#tell(onAssigned, this.lanes)
    this.#findPlaces(this.lanes)
  }

  #revokeAll(): void {
    const lanes = this.lanes
    if (lanes.length === 0) return
    this.#lanes.clear()
    for (const lane of lanes) {
      const key = laneKey(lane.topic, lane.partition)
      const running = lane.running.then(() => {
        if (this.#leftovers.get(key) === running) this.#leftovers.delete(key)
      })
      this.#leftovers.set(key, running)
      lane.revoke()
    }
    this.#tell(this.options.onRevoked, lanes)
  }

  #tell(listener: ConsumerOptions['onAssigned'], lanes: readonly Lane[]): void {
    const [first] = lanes
    if (!listener || !first) return
    const partitions = lanes.map(({ topic, partition }) => ({ topic, partition }))
    void (async () => listener(partitions))().catch((error: unknown) => this.#report(error, first))
  }

  /** Never rejects. */
  async #handle(lane: Lane, batch: IncomingBatch): Promise<'handled' | 'failed'> {
    const { signal } = lane
    const search = lane.search
    const isStale = () => signal.aborted || lane.search !== search
    lane.mode = 'handling'
    const handling = (async () => {
      await this.options.onBatch(batch, { heartbeat, signal, isStale })
      // A commit for a partition that others own by now would put them back.
      if (!signal.aborted || this.#ending) await this.#commits.handled(lane, batch.nextOffset)
    })()
    lane.running = handling.catch(() => undefined)
    try {
      await handling
    } catch (error) {
      this.#failed(lane, error)
      return 'failed'
    }
    if (isStale()) return 'failed'
    lane.succeeded(batch.nextOffset)
    lane.mode = 'ready'
    this.options.onPosition?.(lane, batch.nextOffset)
    return 'handled'
  }

  #failed(lane: Lane, error: unknown): void {
    if (lane.mode === 'revoked') return
    this.#report(error, lane)
    lane.failure = error instanceof Error ? error.message : String(error)
    this.#pauseIn(lane)
    lane.mode = 'seeking'
    const search = (lane.search += 1)
    void lane.backoff.wait(lane.signal).then(() => {
      if (lane.search === search) this.#findPlaces([lane])
    })
  }

  #findPlaces(lanes: readonly Lane[]): void {
    if (this.#pausedBecause !== undefined) return
    for (const topic of new Set(lanes.map((lane) => lane.topic))) {
      void this.#findPlacesIn(
        topic,
        lanes.filter((lane) => lane.topic === topic),
      )
    }
  }

  /** Never rejects: tries until it succeeds or the lanes are revoked. */
  async #findPlacesIn(topic: string, lanes: readonly Lane[]): Promise<void> {
    const searches = new Map(lanes.map((lane) => [lane, (lane.search += 1)]))
    const wantedLanes = () => lanes.filter((lane) => lane.mode !== 'revoked' && lane.search === searches.get(lane))
    for (const lane of lanes) {
      this.#pauseIn(lane)
      if (lane.mode !== 'revoked') lane.mode = 'seeking'
    }
    await Promise.all(
      lanes.map((lane) => Promise.all([lane.running, this.#leftovers.get(laneKey(topic, lane.partition))])),
    )
    for (let [first] = wantedLanes(); first !== undefined; [first] = wantedLanes()) {
      try {
        await this.#place(topic, wantedLanes)
        return
      } catch (error) {
        for (const lane of wantedLanes()) lane.failure = error instanceof Error ? error.message : String(error)
        this.#report(error, first)
        await first.backoff.wait(first.signal)
      }
    }
  }

  async #place(topic: string, wantedLanes: () => readonly Lane[]): Promise<void> {
    const partitions = wantedLanes().map(({ partition }) => partition)
    const places = await this.#places.find(topic, partitions)
    for (const lane of wantedLanes()) {
      const place = places.get(lane.partition)
      if (place === undefined) continue
      lane.failure = undefined
      this.#goOn(lane, place)
    }
    if (this.lanes.every(({ mode }) => mode !== 'seeking'))
      this.options.onReady?.(new Set(this.lanes.map((lane) => lane.topic)))
  }

  #goOn(lane: Lane, position: bigint): void {
    const { topic, partition } = lane
    lane.position = position
    lane.mode = 'ready'
    this.options.onPosition?.(lane, position)
    this.#inClient(() => {
      this.client.seek({ topic, partition, offset: String(position) })
      if (this.#pausedBecause === undefined) this.client.resume([{ topic, partitions: [partition] }])
    })
  }

  /** The batch does not begin where it should. True if it is not to be handled: the lane goes on elsewhere. */
  async #lostPlace(lane: Lane, first: bigint): Promise<boolean> {
    const { search } = lane
    try {
      const place = await this.#places.afterJump(lane, lane.position, first)
      if (lane.mode !== 'ready' || lane.search !== search) return true
      if (place === undefined) return false
      this.#pauseIn(lane)
      this.#goOn(lane, place)
    } catch (error) {
      this.#failed(lane, error)
    }
    return true
  }

  #skipped(topic: string, partition: number, nextOffset: bigint): void {
    const lane = this.#lanes.get(laneKey(topic, partition))
    if (lane?.mode !== 'ready' || nextOffset <= lane.position) return
    lane.position = nextOffset
    this.options.onPosition?.(lane, nextOffset)
  }

  #pauseIn({ topic, partition }: TopicPartition): void {
    this.#inClient(() => this.client.pause([{ topic, partitions: [partition] }]))
  }

  /** kafkajs throws once its consumer has stopped, and then there is nothing left to steer. */
  #inClient(steer: () => void): void {
    try {
      steer()
    } catch {
      return
    }
  }

  #report(error: unknown, { topic, partition, position }: Lane): void {
    this.options.onHandlerError?.(error, { topic, partition, offset: position })
  }
}

/** The fetch loop sends the heartbeats; all it needs is its turn. */
const heartbeat = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What the promise gives, or undefined when it takes longer. */
async function withPatience<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
