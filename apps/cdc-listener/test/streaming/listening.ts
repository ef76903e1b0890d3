import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { decode, topicSpecs, type Decoded } from '@freshet/events'
import { connectKafka, type BatchProducer, type BroadcastReader, type KafkaPort } from '@freshet/kafka'
import { startStack, type Stack } from '@freshet/local-stack'
import { createPool, readSlot } from '@freshet/postgres'
import { Occurrences } from '@freshet/service-kit'
import type pg from 'pg'
import { snapshotSource } from '../../src/admission/snapshot-source.js'
import { ChangeStream } from '../../src/streaming/change-stream.js'
import type { StreamOccurrences } from '../../src/streaming/occurrences.js'
import { TopicLayout } from '../../src/streaming/topic-layout.js'
import type { WatchedTables } from '../../src/watched-tables.js'
import { partitions } from './members.js'

/** A record with where it stands. */
export interface Placed {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly record: Decoded
}

/** Real servers, and everything that stands in this test's topics. */
export interface Scene {
  readonly stack: Stack
  readonly pool: pg.Pool
  readonly kafka: KafkaPort
  readonly records: readonly Placed[]
  /** Resolves once everything that stands in the topics is in `records`. */
  caughtUp(): Promise<void>
  stop(): Promise<void>
}

const entities = ['member', 'note', 'invoice']
export const slotName = 'freshet_test'
export const publication = 'freshet_test'
const topicPrefix = 'test.'

export async function startScene(): Promise<Scene> {
  const stack = await startStack({ provider: 'native' })
  const pool = createPool({ url: stack.postgresUrl, applicationName: 'scene' })
  const kafka = connectKafka({ brokers: [stack.kafkaBrokers], clientId: 'change-stream-test' })
  await kafka.admin.ensureTopics(topicSpecs(topicPrefix, entities, { partitions }))
  const layout = new TopicLayout(topicPrefix)
  const records: Placed[] = []
  const reader: BroadcastReader = kafka.broadcast({
    topics: entities.flatMap((entity) => [layout.changes(entity), layout.events(entity)]),
    from: 'earliest',
    onRecord: ({ topic, partition, offset, value }) => {
      records.push({ topic: topic.slice(topicPrefix.length), partition, offset, record: decode(value, topic) })
    },
  })
  await reader.start()
  return {
    stack,
    pool,
    kafka,
    records,
    caughtUp: () => reader.caughtUp(),
    stop: async () => {
      await reader.close()
      await kafka.close()
      await pool.end()
      await stack.stop()
    },
  }
}

export interface Listening {
  readonly stream: ChangeStream
  readonly slotIsNew: boolean
  readonly occurrences: Occurrences<StreamOccurrences>
  /** From now on nothing reaches Kafka or the slot any more, as after a kill; resolves once the slot is free. */
  die(): Promise<void>
}

/** A listener's stream on the scene's servers, watching these tables. */
export async function listen({ stack, pool, kafka }: Scene, watched: WatchedTables): Promise<Listening> {
  const layout = new TopicLayout(topicPrefix)
  await layout.learn(kafka.admin, entities)
  const occurrences = new Occurrences<StreamOccurrences>()
  const producer = await kafka.producer()
  let dead = false
  const mortal: BatchProducer = {
    send: (records) => (dead ? Promise.reject(new Error('killed')) : producer.send(records)),
    close: () => producer.close(),
  }
  const own = createPool({ url: stack.postgresUrl, applicationName: 'listener' })
  const { stream, slotIsNew } = await ChangeStream.prepare({
    url: stack.postgresUrl,
    database: own,
    slotName,
    publications: [publication],
    namespace: 'test',
    source: 'freshet/test/freshet',
    layout,
    producer: mortal,
    snapshots: snapshotSource(own, publication, () => watched),
    occurrences,
    watermarkMs: 50,
    idleWatermarkMs: 200,
  })
  stream.watch(watched)
  stream.start()
  void stream.end.then(() => own.end())
  return {
    stream,
    slotIsNew,
    occurrences,
    die: async () => {
      dead = true
      void stream.stop()
      await pool.query('select pg_terminate_backend(active_pid) from pg_replication_slots where active')
      await until(
        'the slot is free',
        () => readSlot(pool, slotName),
        (slot) => slot?.active === false,
      )
    },
  }
}

/** Waits until a condition holds; after 20 s fails with what was seen instead. */
export async function until<T>(wanted: string, look: () => Promise<T> | T, holds: (seen: T) => boolean): Promise<T> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const seen = await look()
    if (holds(seen)) return seen
    if (performance.now() > deadline) throw new Error(`${wanted}: not within 20 s; last seen ${inspect(seen)}`)
    await delay(10)
  }
}
