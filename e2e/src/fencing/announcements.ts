import { decode, topics } from '@freshet/events'
import { connectKafka, type BroadcastReader, type KafkaPort } from '@freshet/kafka'
import type { Lsn } from '@freshet/pgoutput'
import { eventually } from '@freshet/testing/live'

/** What `invalidations.v1` tells every process with a memory of its own. */
export class Announcements {
  /** Every tag since the last `take`. */
  private tags: string[] = []
  private readonly appliedBy = new Map<number, Lsn>()

  private constructor(
    private readonly kafka: KafkaPort,
    private readonly reader: BroadcastReader,
    private readonly partitions: number,
  ) {}

  static async open(brokers: string): Promise<Announcements> {
    const kafka = connectKafka({ brokers: [brokers], clientId: 'announcements' })
    const topic = topics().invalidations
    const reader = kafka.broadcast({
      topics: [topic],
      from: 'latest',
      onRecord: ({ value, partition }) => {
        const record = decode(value, topic)
        if (record.kind === 'invalidation') announcements.tags.push(...record.tags)
        else if (record.kind === 'applied') announcements.appliedBy.set(partition, record.lsn)
      },
    })
    const announcements: Announcements = new Announcements(kafka, reader, await kafka.admin.partitionsOf(topic))
    await reader.start()
    return announcements
  }

  /** Everything announced since the last call for what was committed up to `lsn`, once and sorted. */
  async take(lsn: Lsn): Promise<string[]> {
    await eventually(
      () => this.appliedBy.size === this.partitions && [...this.appliedBy.values()].every((at) => at >= lsn),
      true,
    )
    const taken = [...new Set(this.tags)].sort()
    this.tags = []
    return taken
  }

  async close(): Promise<void> {
    await this.reader.close()
    await this.kafka.close()
  }
}
