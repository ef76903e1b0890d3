import type { Catalog } from '@freshet/catalog'
import { decodeOrSkip, encodeCatalog, topics, type CatalogStatusRecord } from '@freshet/events'
import type { BatchProducer, IncomingRecord, KafkaPort } from '@freshet/kafka'
import { rejectionOf } from './abort.js'
import { CatalogRefusedError, RegistrationTimeoutError } from './errors.js'

export interface RegisterOptions {
  /** How long to wait for an answer, in milliseconds. */
  readonly timeoutMs?: number
}

/**
 * Publishes a catalog to `catalogs.v1` and waits for the listener's answer in `catalog-status.v1`. An answer to the same
 * content that is there already counts, unless it is a refusal: what was wrong may have been mended in the database.
 *
 * Throws CatalogRefusedError, RegistrationTimeoutError, and what `signal` is aborted with.
 */
export async function registerCatalog(
  kafka: Pick<KafkaPort, 'broadcast' | 'producer'>,
  catalog: Catalog,
  topicPrefix: string,
  { timeoutMs = 30_000 }: RegisterOptions,
  signal: AbortSignal,
): Promise<void> {
  const { owner, version } = catalog
  const answers = new Answers(catalog)
  const timeout = AbortSignal.timeout(timeoutMs)
  const given = rejectionOf(AbortSignal.any([signal, timeout]))
  const name = topics(topicPrefix)
  const reader = kafka.broadcast({
    topics: [name.catalogStatus],
    from: 'earliest',
    onRecord: (record) => answers.take(record),
  })
  let producer: BatchProducer | undefined
  try {
    await Promise.race([reader.start().then(() => reader.caughtUp()), given])
    const known = answers.last
    const next = answers.next()
    producer = await kafka.producer()
    await producer.send([
      { topic: name.catalogs, ...encodeCatalog({ source: `freshet/${owner}`, catalog: { ...catalog.json } }) },
    ])
    const answer = known?.state === 'accepted' ? known : await Promise.race([next, given])
    if (answer.state === 'refused') throw new CatalogRefusedError(owner, version, answer.faults)
  } catch (error) {
    if (timeout.aborted && error === timeout.reason) throw new RegistrationTimeoutError(owner, version, timeoutMs)
    throw error
  } finally {
    await Promise.all([reader.close(), producer?.close()])
  }
}

/** The listener's answers to one catalog's content, as they come. */
class Answers {
  last: CatalogStatusRecord | undefined
  #deliver: (answer: CatalogStatusRecord) => void = () => undefined

  constructor(private readonly catalog: Pick<Catalog, 'owner' | 'version' | 'fingerprint'>) {}

  take({ value, topic }: IncomingRecord): void {
    const record = decodeOrSkip(value, topic) // an answer that cannot be read is none
    const { owner, version, fingerprint } = this.catalog
    if (record.kind !== 'catalog-status' || record.owner !== owner || record.version !== version) return
    const ours = record.fingerprint === fingerprint
    this.last = ours ? record : undefined
    if (ours && record.state !== 'retired') this.#deliver(record) // that one answers a retirement
  }

  /** The first answer from now on. */
  next(): Promise<CatalogStatusRecord> {
    return new Promise((resolve) => (this.#deliver = resolve))
  }
}
