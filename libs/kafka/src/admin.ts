import type { TopicSpec } from '@freshet/events'
import kafkajs, { type Admin } from 'kafkajs'
import { answered, type Cuttable } from './cuttable.js'
import { KafkaUnreachableError, UnknownTopicError } from './errors.js'
import { failureOf } from './failure.js'
import type { RefreshingAdmin } from './places.js'
import type { PartitionOffsets, Place, TopicDescription } from './port.js'
import { Backoff } from './retries.js'

/** Some 7 s: a broker that has just started, or is busy, refuses for a while what it will do. */
const tries = 8

/** Asks the broker about topics and groups. Connects when first asked, and anew after a failure: kafkajs' admin does not. */
export class ReconnectingAdmin implements RefreshingAdmin {
  #client: { readonly connected: Promise<Admin>; readonly cut: () => void } | undefined
  readonly #closing = new AbortController()

  constructor(
    private readonly open: () => Cuttable,
    private readonly brokers: readonly string[],
    private readonly silenceMs: number,
  ) {}

  async ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    const existing = new Set(await this.topics())
    const missing = specs.filter(({ topic }) => !existing.has(topic))
    if (missing.length === 0) return
    await this.#ask(async (client) => {
      try {
        await client.createTopics({ topics: missing.map(topicConfig), waitForLeaders: true })
      } catch (error) {
        // Another process may have been quicker.
        const now = new Set(await client.listTopics())
        if (!missing.every(({ topic }) => now.has(topic))) throw error
      }
    })
  }

  async partitionsOf(topic: string): Promise<number> {
    return (await this.#partitions(topic)).length
  }

  async offsets(topic: string): Promise<PartitionOffsets[]> {
    const offsets = await this.#askOf(topic, (client) => client.fetchTopicOffsets(topic))
    return offsets
      .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
      .sort((one, other) => one.partition - other.partition)
  }

  async placesSince(topic: string, sinceMs: number): Promise<Place[]> {
    const places = await this.#askOf(topic, (client) => client.fetchTopicOffsetsByTimestamp(topic, sinceMs))
    return places
      .map(({ partition, offset }) => ({ topic, partition, offset: BigInt(offset) }))
      .sort((one, other) => one.partition - other.partition)
  }

  topics(): Promise<string[]> {
    return this.#ask((client) => client.listTopics())
  }

  async describe(topic: string): Promise<TopicDescription> {
    const { length: partitions } = await this.#partitions(topic)
    const { resources } = await this.#askOf(topic, (client) =>
      client.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
      }),
    )
    const entries = resources[0]?.configEntries ?? []
    return {
      topic,
      partitions,
      config: Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue])),
    }
  }

  async committed(groupId: string, topic: string): Promise<ReadonlyMap<number, bigint>> {
    const [answer] = await this.#askOf(topic, (client) => client.fetchOffsets({ groupId, topics: [topic] }))
    const committed = (answer?.partitions ?? []).map(({ partition, offset }) => [partition, BigInt(offset)] as const)
    return new Map(committed.filter(([, offset]) => offset >= 0n))
  }

  /** Removes an empty group; best effort, since a group without members or offsets goes away by itself. */
  async removeGroup(groupId: string): Promise<void> {
    await answered(
      this.#connected().then((client) => client.deleteGroups([groupId])),
      this.silenceMs,
    )
  }

  /** Forgets what the client knows of topics. */
  refresh(): void {
    this.#drop()
  }

  close(): void {
    this.#closing.abort()
    this.#drop()
  }

  async #partitions(topic: string): Promise<readonly unknown[]> {
    const { topics } = await this.#askOf(topic, (client) => client.fetchTopicMetadata({ topics: [topic] }))
    return topics[0]?.partitions ?? []
  }

  async #askOf<T>(topic: string, question: (client: Admin) => Promise<T>): Promise<T> {
    // A topic that does not exist would stay among the client's topics and fail every later refresh of its metadata.
    if (!(await this.topics()).includes(topic)) throw new UnknownTopicError(topic)
    return this.#ask(question)
  }

  async #ask<T>(question: (client: Admin) => Promise<T>): Promise<T> {
    const backoff = new Backoff(100, 2_000)
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await answered(this.#connected().then(question), this.silenceMs)
      } catch (error) {
        const { name, retriable, unreachable } = failureOf(error)
        this.#drop()
        const last = attempt === tries || this.#closing.signal.aborted || !retriable
        if (last) throw unreachable ? new KafkaUnreachableError(this.brokers, name, { cause: error }) : error
        await backoff.wait(this.#closing.signal)
      }
    }
  }

  #connected(): Promise<Admin> {
    this.#client ??= connect(this.open())
    return this.#client.connected
  }

  #drop(): void {
    this.#client?.cut()
    this.#client = undefined
  }
}

function connect({ kafka, cut, onRequestTimeout }: Cuttable): { connected: Promise<Admin>; cut: () => void } {
  const client = kafka.admin()
  client.on(client.events.REQUEST_TIMEOUT, onRequestTimeout)
  return { connected: client.connect().then(() => client), cut }
}

const topicConfig = ({ topic, partitions, config }: TopicSpec) => ({
  topic,
  numPartitions: partitions,
  configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
})
