import { setTimeout as delay } from 'node:timers/promises'
import { decode, topics as topicNames, type CommitStamp } from '@freshet/events'
import { connectKafka, type BroadcastReader, type IncomingRecord, type KafkaPort } from '@freshet/kafka'
import type { Lsn, Xid } from '@freshet/pgoutput'

/** When one transaction came by, in milliseconds since 1970. */
export interface Passage {
  readonly committedAt: number
  /** First of its change records seen here; its fences may be heard of earlier, the two topics are read side by side. */
  publishedAt?: number
  /** When its tags' generations were rotated, by the service's clock. */
  fencedAt?: number
  readonly tags: string[]
}

/** Reads Freshet's topics as any consumer could, and keeps count. */
export class Observer {
  readonly transactions = new Map<Xid, Passage>()
  readonly commitToFenceMs: number[] = []
  changes = 0
  events = 0
  tagsFenced = 0
  private readonly applied = new Map<number, Lsn>()
  private readonly seen = new Set<string>()

  private constructor(
    private readonly kafka: KafkaPort,
    private readonly reader: BroadcastReader,
    private readonly partitions: number,
  ) {}

  static async start(brokers: string): Promise<Observer> {
    const kafka = connectKafka({ brokers: [brokers], clientId: 'demo-observer' })
    const { changes, events, invalidations } = topicNames()
    const reader = kafka.broadcast({
      topics: [changes('member'), changes('payment'), events('payment'), invalidations],
      from: 'latest',
      onRecord: (record) => observer.take(record),
    })
    const observer: Observer = new Observer(kafka, reader, await kafka.admin.partitionsOf(invalidations))
    await reader.start()
    return observer
  }

  /** Of how many commits a change record was seen. */
  get commits(): number {
    return [...this.transactions.values()].filter(({ publishedAt }) => publishedAt !== undefined).length
  }

  /** Forgets what was counted, so that a part of the demo is counted alone. */
  reset(): void {
    this.transactions.clear()
    this.seen.clear()
    this.commitToFenceMs.length = 0
    this.changes = this.events = this.tagsFenced = 0
  }

  /** Resolves once everything up to this position is fenced and announced. Throws after `withinMs`. */
  async appliedUpTo(position: Lsn, withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs
    while (this.applied.size < this.partitions || [...this.applied.values()].some((applied) => applied < position)) {
      if (Date.now() > deadline)
        throw new Error(
          `not applied up to ${position} within ${withinMs} ms; partitions are at ${[...this.applied.values()].join(', ')}`,
        )
      await delay(10)
    }
  }

  async stop(): Promise<void> {
    await this.reader.close()
    await this.kafka.close()
  }

  private take({ value, topic, partition }: IncomingRecord): void {
    const record = decode(value, topic)
    if (record.kind === 'change' || record.kind === 'event') {
      if (this.seen.has(record.id)) return // delivered again
      this.seen.add(record.id)
      if (record.kind === 'event') this.events += 1
      else this.changes += 1
      this.passageOf(record.commit).publishedAt ??= Date.now()
    } else if (record.kind === 'invalidation') {
      this.tagsFenced += record.tags.length
      if (!record.commit) return
      this.commitToFenceMs.push(record.fencedAt - record.commit.at)
      const passage = this.passageOf(record.commit)
      passage.fencedAt ??= record.fencedAt
      passage.tags.push(...record.tags)
    } else if (record.kind === 'applied') this.applied.set(partition, record.lsn)
  }

  private passageOf({ xid, at }: CommitStamp): Passage {
    const passage = this.transactions.get(xid) ?? { committedAt: at, tags: [] }
    this.transactions.set(xid, passage)
    return passage
  }
}
