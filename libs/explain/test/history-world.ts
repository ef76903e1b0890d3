import type { Catalog } from '@freshet/catalog'
import {
  encodeChange,
  encodeInvalidation,
  encodeWarmRequest,
  topics,
  topicSpecs,
  type ChangeRecord,
  type Draft,
  type InvalidationRecord,
  type Row,
  type WarmRequestRecord,
} from '@freshet/events'
import { readHistory, type KeyHistory, type KeyOfInterest } from '@freshet/explain'
import { partitionOf, type KafkaPort } from '@freshet/kafka'
import { lsn, xid } from '@freshet/pgoutput'
import { createPlanner, describeKey } from '@freshet/planner'
import { FakeKafkaServer } from '@freshet/testing'
import { onTestFinished } from 'vitest'

const source = 'freshet/test'
export const topic = topics().changes('sale')
const partitions = 4

export type Sale = Readonly<Record<'id' | 'customer_id' | 'status', string | number | null>>

/** What listener and invalidation service publish, written by hand. */
export class HistoryWorld {
  readonly server = new FakeKafkaServer()
  readonly kafka: KafkaPort = this.server.connect()
  private commits = 0n

  constructor(readonly catalog: Catalog) {}

  static async open(catalog: Catalog): Promise<HistoryWorld> {
    const world = new HistoryWorld(catalog)
    onTestFinished(() => world.kafka.close())
    await world.kafka.admin.ensureTopics(topicSpecs('', ['sale', 'customer'], { partitions }))
    return world
  }

  /** One committed change of a sale, on partition 0; returns it. */
  change(operation: 'insert' | 'delete', row: Sale): Draft<ChangeRecord> {
    this.commits += 10n
    const at = 1_700_000_000_000 + Number(this.commits)
    const draft: Draft<ChangeRecord> = {
      source,
      entity: 'sale',
      table: 'public.sales',
      operation,
      key: { id: row.id },
      [operation === 'insert' ? 'new' : 'old']: row satisfies Row,
      commit: { lsn: lsn(this.commits), xid: xid(700n + this.commits), at, index: 0 },
    }
    this.server.append([{ topic, partition: 0, ...encodeChange(draft) }])
    return draft
  }

  /** Fences, as one batch, what the service has not read yet: these changes, the last on the topic. */
  applied(changes: readonly Draft<ChangeRecord>[]): void {
    const to = this.server.end(this.server.log(topic, 0))
    const planner = createPlanner([this.catalog])
    const tags = changes.flatMap((change) => planner.planChange(change).fences.map(({ tag }) => tag))
    const [oldest] = changes
    if (!oldest) return
    for (const [shard, fenced] of Map.groupBy(tags, (tag) => tag.shard))
      this.fenced({
        shard,
        tags: [...new Set(fenced.map(({ text }) => text))],
        cause: 'change',
        commit: oldest.commit,
        batch: { topic, partition: 0, from: to - BigInt(changes.length), to, readAt: oldest.commit.at + 2 },
        fencedAt: (changes.at(-1) ?? oldest).commit.at + 3,
      })
  }

  fenced(record: Omit<Draft<InvalidationRecord>, 'source'>): void {
    this.server.append([{ topic: topics().invalidations, ...encodeInvalidation({ source, ...record }) }])
  }

  refreshAsked(record: Omit<Draft<WarmRequestRecord>, 'source' | 'parameters' | 'owner'>): void {
    const draft = { source, owner: this.catalog.owner, parameters: {}, ...record }
    this.server.append([{ topic: topics().warmRequests, ...encodeWarmRequest(draft) }])
  }

  /** All that was published on the shard's partition up to now is of another hour. */
  async letGo(shard: number): Promise<void> {
    const partition = partitionOf(String(shard), partitions)
    const log = this.server.log(topics().invalidations, partition)
    this.server.deleteRecords(topics().invalidations, partition, this.server.end(log))
  }

  async history(text: string, further: KeyOfInterest['tags'] = []): Promise<KeyHistory> {
    const [described] = describeKey([this.catalog], text)
    if (!described) throw new Error(`${text} is of no template`)
    const { shard, tags } = described
    const interest = { ...described, tags: [...tags.map((tag) => ({ tag: tag.text, shard })), ...further] }
    const back = { kafka: this.kafka, topicPrefix: '', withinMs: 10_000 }
    const [history] = await readHistory(back, [this.catalog], [interest])
    if (!history) throw new Error('there is no answer')
    return history
  }
}
