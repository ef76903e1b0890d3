import { databaseSource, encodeCatalogStatus, topics as topicNames, topicSpecs } from '@freshet/events'
import type { BatchProducer, KafkaPort } from '@freshet/kafka'
import { publicationNames } from '@freshet/postgres'
import type { Occurrences } from '@freshet/service-kit'
import type pg from 'pg'
import { Admission } from './admission/admission.js'
import type { AdmissionOccurrence } from './admission/ports.js'
import { preparePublications } from './admission/prepare-publications.js'
import { snapshotSource } from './admission/snapshot-source.js'
import { RegisteredCatalogs } from './admission/registered-catalogs.js'
import { preflight, PreflightError } from './preflight/preflight.js'
import { ChangeStream } from './streaming/change-stream.js'
import type { StreamOccurrences } from './streaming/occurrences.js'
import { TopicLayout } from './streaming/topic-layout.js'
import { noWatchedTables } from './watched-tables.js'

export interface ListenerOccurrences extends StreamOccurrences {
  'preflight:warned': { readonly message: string }
  admission: AdmissionOccurrence
  'admission:failed': { readonly error: unknown; readonly retryInMs: number }
}

export interface ListenerOptions {
  readonly postgresUrl: string
  readonly pool: pg.Pool
  readonly kafka: KafkaPort
  readonly slot: string
  readonly publication: string
  readonly namespace: string
  readonly topicPrefix: string
  /** Of topics that have to be created. */
  readonly partitions: number
  readonly watermarkMs: number
  readonly idleWatermarkMs: number
  readonly occurrences: Occurrences<ListenerOccurrences>
}

/** The listener without its rim: catalogs in, publications and slot kept, changes out. */
export class Listener {
  private constructor(
    private readonly producer: BatchProducer,
    private readonly stream: ChangeStream,
    private readonly catalogs: RegisteredCatalogs,
  ) {}

  /**
   * Checks the server, takes or creates the slot, admits every catalog that is registered, and follows both.
   *
   * Throws PreflightError with every fault and the statement that mends it.
   */
  static async start(options: ListenerOptions): Promise<Listener> {
    const { pool, kafka, namespace, publication, slot, topicPrefix, partitions, occurrences } = options
    const findings = await preflight(pool, { slot, publication, namespace })
    for (const { severity, message } of findings)
      if (severity === 'warning') occurrences.emit('preflight:warned', { message })
    const faults = findings.filter(({ severity }) => severity === 'fault')
    if (faults.length > 0) throw new PreflightError(faults)

    const topics = topicNames(topicPrefix)
    await kafka.admin.ensureTopics(topicSpecs(topicPrefix, [], { partitions }))
    await preparePublications({ pool, publication, namespace }) // before the slot: decoding asks for them as of then
    const registered = new RegisteredCatalogs(kafka, topicPrefix)
    await registered.read()
    const producer = await kafka.producer()
    const source = databaseSource(namespace, databaseOf(options.postgresUrl))
    const layout = new TopicLayout(topicPrefix)
    let watched = noWatchedTables
    const snapshots = snapshotSource(pool, publication, () => watched)
    const { stream, slotIsNew } = await ChangeStream.prepare({
      url: options.postgresUrl,
      database: pool,
      slotName: slot,
      publications: publicationNames(publication),
      namespace,
      source,
      layout,
      producer,
      snapshots,
      occurrences,
      onTablesChanged: () => follow(() => admission.recheck()),
      watermarkMs: options.watermarkMs,
      idleWatermarkMs: options.idleWatermarkMs,
    })
    const admission: Admission = new Admission(
      { pool, publication, namespace },
      {
        existingTopics: () => kafka.admin.topics(),
        ensureTopics: async (entities) => {
          await kafka.admin.ensureTopics(topicSpecs(topicPrefix, entities, { partitions }))
          await layout.learn(kafka.admin, entities)
        },
        applyWatched: (tables) => {
          watched = tables
          stream.watch(tables)
        },
        publishGap: (gap) => stream.publishGap(gap),
        publishStatus: async (status) =>
          producer.send([{ topic: topics.catalogStatus, ...encodeCatalogStatus({ ...status, source }) }]),
        onOccurrence: (occurrence) => occurrences.emit('admission', occurrence),
      },
    )
    /** Rounds that fail are tried again: a lock, a restart of the database. */
    const follow = (round: () => Promise<void>, retryInMs = 500): void => {
      round().catch((error: unknown) => {
        occurrences.emit('admission:failed', { error, retryInMs })
        setTimeout(() => follow(round, Math.min(30_000, retryInMs * 2)), retryInMs).unref()
      })
    }
    await admission.start(registered.documents, { accepted: registered.accepted, slotIsNew })
    stream.start()
    if (slotIsNew) {
      const { insertLsn } = await snapshots()
      await stream.publishGap({ scope: { kind: 'all' }, cause: 'first-start', lsn: insertLsn })
    }
    registered.follow({
      registered: (catalog) => follow(() => admission.offer(catalog)),
      retired: ({ owner, version }) => follow(() => admission.retire(owner, version)),
    })
    return new Listener(producer, stream, registered)
  }

  get isStreaming(): boolean {
    return this.stream.isStreaming
  }

  /** Resolves with the reason once nothing helps any more, with undefined once it was stopped. */
  get end(): Promise<string | undefined> {
    return this.stream.end
  }

  async close(): Promise<void> {
    await this.catalogs.close()
    await this.stream.stop()
    await this.producer.close()
  }
}

const databaseOf = (postgresUrl: string): string => decodeURIComponent(new URL(postgresUrl).pathname.slice(1))
