import { decode, topics, type ChangeRecord } from '@freshet/events'
import { connectKafka, type BroadcastReader, type KafkaPort } from '@freshet/kafka'
import { membersCatalog } from '@freshet/members-catalog'

/** The changes of the reference domain's tables, as the listener publishes them. */
export class PublishedChanges {
  #changes: ChangeRecord[] = []

  private constructor(
    private readonly kafka: KafkaPort,
    private readonly reader: BroadcastReader,
  ) {}

  /** Begins with what is published from now on. */
  static async open(brokers: string): Promise<PublishedChanges> {
    const kafka = connectKafka({ brokers: [brokers], clientId: 'precision' })
    const reader = kafka.broadcast({
      topics: Object.values(membersCatalog.json.tables).map(({ entity }) => topics().changes(entity)),
      from: 'latest',
      onRecord: ({ value, topic }) => {
        const record = decode(value, topic)
        if (record.kind === 'change') published.#changes.push(record)
      },
    })
    const published: PublishedChanges = new PublishedChanges(kafka, reader)
    await reader.start()
    return published
  }

  /** Everything that has been published since the last call. */
  async take(): Promise<readonly ChangeRecord[]> {
    await this.reader.caughtUp()
    const taken = this.#changes
    this.#changes = []
    return taken
  }

  async close(): Promise<void> {
    await this.reader.close()
    await this.kafka.close()
  }
}
