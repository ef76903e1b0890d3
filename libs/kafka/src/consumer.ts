import type { Consumer } from 'kafkajs'
import type { CommitPolicy } from './commits.js'
import type { Cuttable } from './cuttable.js'
import { KafkaClosedError } from './errors.js'
import { failureOf } from './failure.js'
import { JoinWatch } from './join-watch.js'
import { Membership, type Progress } from './membership.js'
import type { RefreshingAdmin } from './places.js'
import type { BatchConsumer, ConsumerHealth, ConsumerOptions, Positions, TopicPartition } from './port.js'
import { atMost, Backoff, memberRetry, pause } from './retries.js'

/** An idle fetch returns after this time; a paused partition that is resumed waits for it at most. */
const maxWaitMs = 250
/** Fetches come back at least every `maxWaitMs`; silence for longer means that nobody answers. */
const unreachableMs = 3_000
/** Kafka's least by default. Until it has run out, the successor of a killed process waits. */
const sessionTimeoutMs = 6_000
/** Also how soon a member notices that the group is being shared out anew. */
const heartbeatMs = 1_000
const leaveMs = 3_000
/** For handlers to end, and their positions to be committed, when all is closed: what they have not done is done again. */
const endMs = 4_000
const topicsEveryMs = 500
const metadataMaxAgeMs = 30_000
/** One worker a partition, so that no partition waits for another's handler; kafkajs wants the number before it knows the assignment. */
const workers = 256

/** Who follows a member's positions, and where else they are written. */
export type MemberProgress = Progress & { readonly commits: CommitPolicy }

type Mode =
  | { readonly name: 'stopped' }
  | { readonly name: 'starting' }
  | { readonly name: 'waiting-for-topics'; readonly missing: readonly string[] }
  | { readonly name: 'member'; readonly membership: Membership; readonly missing: readonly string[] }
  | { readonly name: 'restarting'; readonly reason: string }

/**
 * A member of a consumer group that does not end by itself.
 *
 *   stopped --start()--> starting --> waiting-for-topics --one exists--> member --close()--> stopped
 *                           ^                                              |
 *                           +------- restarting(reason), after a pause <---+ crash, silence, other topics
 */
export class GroupConsumer implements BatchConsumer {
  #mode: Mode = { name: 'stopped' }
  #pausedBecause: string | undefined
  #topics: readonly string[]
  #supervision: Promise<void> | undefined
  /** Ends the present membership; a new one follows unless `#closing`. */
  #endMembership: (why: string) => void = () => undefined
  readonly #closing = new AbortController()
  /** kafkajs went once around: with nothing to fetch (all paused) it need not have asked anybody. */
  #lastFetchMs = 0
  #lastAnswerMs = 0

  constructor(
    private readonly open: () => Cuttable,
    private readonly admin: RefreshingAdmin,
    private readonly options: ConsumerOptions,
    private readonly inner: MemberProgress,
    /** A member that fetches nothing for so long, though kafkajs tries by itself, is taken for lost, and joins anew. */
    private readonly patienceMs: number,
  ) {
    this.#topics = options.topics
  }

  async start(): Promise<void> {
    if (this.#closing.signal.aborted) throw new KafkaClosedError(`the consumer of group ${this.options.groupId}`)
    this.#mode = { name: 'starting' }
    this.#supervision ??= this.#supervise()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#endMembership('closing')
    await this.#supervision
    this.#mode = { name: 'stopped' }
  }

  pause(reason = 'paused by its owner'): void {
    this.#pausedBecause = reason
    if (this.#mode.name === 'member') this.#mode.membership.pause(reason)
  }

  resume(): void {
    this.#pausedBecause = undefined
    if (this.#mode.name === 'member') this.#mode.membership.resume()
  }

  subscribe(topics: readonly string[]): void {
    this.#topics = topics
    this.#endMembership('other topics')
  }

  assignment(): readonly TopicPartition[] {
    if (this.#mode.name !== 'member') return []
    return this.#mode.membership.lanes.map(({ topic, partition }) => ({ topic, partition }))
  }

  health(): ConsumerHealth {
    const mode = this.#mode
    switch (mode.name) {
      case 'stopped':
        return { state: 'stopped', reason: 'not started, or closed' }
      case 'starting':
        return { state: 'starting', reason: 'joining its group' }
      case 'waiting-for-topics':
        return { state: 'waiting-for-topics', reason: `does not exist yet: ${mode.missing.join(', ')}` }
      case 'restarting':
        return { state: 'restarting', reason: mode.reason }
      case 'member':
        return this.#memberHealth(mode.membership, mode.missing)
    }
  }

  #memberHealth(membership: Membership, missing: readonly string[]): ConsumerHealth {
    if (this.#pausedBecause !== undefined) return { state: 'paused', reason: this.#pausedBecause }
    const behind = membership.lanes.find(({ failure }) => failure !== undefined)
    if (behind) return { state: 'failing', reason: `${behind.topic}/${behind.partition}: ${behind.failure ?? ''}` }
    if (!membership.joined) return { state: 'starting', reason: 'joining its group' }
    if (this.#isUnreachable)
      return { state: 'unreachable', reason: `no answer from the brokers for ${Math.floor(this.#silentMs / 1_000)} s` }
    if (membership.lanes.some(({ mode }) => mode === 'seeking'))
      return { state: 'starting', reason: 'asking where to go on' }
    return { state: 'consuming', ...(missing.length > 0 && { missingTopics: missing }) }
  }

  get #silentMs(): number {
    return performance.now() - Math.min(this.#lastFetchMs, this.#lastAnswerMs)
  }

  /** Nobody would hear a good-bye. */
  get #isUnreachable(): boolean {
    return this.#silentMs > unreachableMs
  }

  async #supervise(): Promise<void> {
    const { signal } = this.#closing
    const backoff = new Backoff(250, 5_000)
    while (!signal.aborted) {
      try {
        const topics = await this.#existingTopics()
        if (topics.length === 0) continue
        const reason = await this.#beMember(topics, () => backoff.reset())
        this.#mode = { name: 'restarting', reason }
        if (reason === otherTopics) continue
      } catch (error) {
        const { name } = failureOf(error)
        this.#mode = {
          name: 'restarting',
          reason: `${name}: ${error instanceof Error ? error.message : String(error)}`,
        }
      }
      await backoff.wait(signal)
    }
  }

  /** Waits for the first topic that exists; none when closing. */
  async #existingTopics(): Promise<readonly string[]> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      const existing = new Set(await unlessAborted(this.admin.topics(), signal, []))
      const wanted = this.#topics
      const topics = wanted.filter((topic) => existing.has(topic))
      if (topics.length > 0) return topics
      this.#mode = { name: 'waiting-for-topics', missing: wanted }
      await pause(topicsEveryMs, signal)
    }
    return []
  }

  /** Joins, and stays until it crashes, closes, or is to read other topics. Returns why it ended. */
  async #beMember(topics: readonly string[], onJoined: () => void): Promise<string> {
    const { kafka, cut, onRequestTimeout } = this.open()
    const client = kafka.consumer({
      groupId: this.options.groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: this.options.sessionTimeoutMs ?? sessionTimeoutMs,
      heartbeatInterval: heartbeatMs,
      rebalanceTimeout: 30_000,
      maxWaitTimeInMs: maxWaitMs,
      minBytes: 1,
      metadataMaxAge: metadataMaxAgeMs,
      retry: memberRetry,
    })
    this.#lastFetchMs = this.#lastAnswerMs = performance.now()
    const joinWatch = new JoinWatch()
    let watch: NodeJS.Timeout | undefined
    const ended = new Promise<string>((resolve) => {
      this.#endMembership = resolve
      client.on(client.events.CRASH, ({ payload }) => {
        isLost = true
        resolve(`${failureOf(payload.error).name}: ${payload.error.message}`)
      })
      watch = setInterval(() => {
        const isAstray = joinWatch.isAstray(performance.now())
        if (this.#silentMs < this.patienceMs && !isAstray) return
        isLost = true
        resolve(isAstray ? 'the answer to a join was lost' : `no answer from the brokers for ${this.patienceMs} ms`)
      }, heartbeatMs)
    })
    let isLost = false
    client.on(client.events.GROUP_JOIN, () => {
      this.#lastFetchMs = performance.now()
      joinWatch.joined()
      onJoined()
    })
    client.on(client.events.REBALANCING, () => joinWatch.joining())
    client.on(client.events.FETCH, () => {
      this.#lastFetchMs = performance.now()
      joinWatch.fetched(this.#lastFetchMs)
    })
    client.on(client.events.REQUEST, ({ payload }) => {
      this.#lastAnswerMs = performance.now()
      if (payload.apiName === 'JoinGroup') joinWatch.joining()
    })
    client.on(client.events.REQUEST_TIMEOUT, onRequestTimeout)
    const { admin, inner, options } = this
    const positions = options.positions === 'committed' ? this.#committed : options.positions
    const membership = new Membership(client, { ...options, ...inner, admin, positions }, this.#pausedBecause)
    const missing = this.#topics.filter((topic) => !topics.includes(topic))
    const awaitingTopics = new AbortController()
    this.#mode = { name: 'member', membership, missing }
    try {
      await Promise.race([join(client, topics, membership), ended])
      if (missing.length > 0) void this.#awaitTopics(missing, awaitingTopics.signal)
      if (this.#closing.signal.aborted) this.#endMembership('closing')
      return await ended
    } finally {
      awaitingTopics.abort()
      clearInterval(watch)
      const ended = isLost || this.#isUnreachable ? membership.abandon() : membership.end()
      await (this.#closing.signal.aborted ? atMost(endMs, ended) : ended) // the next membership waits for the handlers
      if (!this.#isUnreachable) await leave(client)
      cut()
    }
  }

  /** Ends the membership once one of these topics exists, so that the next one reads it too. */
  async #awaitTopics(missing: readonly string[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(topicsEveryMs, signal)
      const existing: readonly string[] = await this.admin.topics().catch(() => [])
      if (!signal.aborted && missing.some((topic) => existing.includes(topic))) this.#endMembership(otherTopics)
    }
  }

  readonly #committed: Positions = (topic) => this.admin.committed(this.options.groupId, topic)
}

const otherTopics = 'other topics'

/** The admin is patient with brokers that are away; whoever closes does not wait for it. */
async function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal, otherwise: T): Promise<T> {
  if (signal.aborted) return otherwise
  const aborted = Promise.withResolvers<T>()
  const abort = () => aborted.resolve(otherwise)
  signal.addEventListener('abort', abort)
  answer.catch(() => undefined) // told to nobody once aborted
  try {
    return await Promise.race([answer, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

async function join(client: Consumer, topics: readonly string[], membership: Membership): Promise<void> {
  await client.connect()
  await client.subscribe({ topics: [...topics], fromBeginning: true })
  await client.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: workers,
    eachBatch: (payload) => membership.eachBatch(payload),
  })
}

/** Without a broker kafkajs leaves only when its retries are used up, and then with an error. */
const leave = (client: Consumer): Promise<unknown> =>
  atMost(
    leaveMs,
    client.disconnect().catch(() => undefined),
  )
