import type { Catalog } from '@freshet/catalog'
import { catalogKey, decode, encodeCatalog, topics, type CatalogStatusRecord } from '@freshet/events'
import type { IncomingRecord, KafkaPort } from '@freshet/kafka'
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
  const { owner, version, fingerprint } = catalog
  const answers = new Answers(owner, version, fingerprint)
  const name = topics(topicPrefix)
  const reader = kafka.broadcast({
    topics: [name.catalogStatus],
    from: 'earliest',
    onRecord: (record) => answers.take(record),
  })
  const producer = await kafka.producer()
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    await reader.start()
    await reader.caughtUp()
    const known = answers.last?.state === 'accepted'
    const next = answers.next(AbortSignal.any([signal, timeout]))
    await producer.send([
      { topic: name.catalogs, ...encodeCatalog({ source: `freshet/${owner}`, catalog: { ...catalog.json } }) },
    ])
    const answer = known ? answers.last : await next
    if (answer?.state === 'refused') throw new CatalogRefusedError(owner, version, answer.faults)
  } catch (error) {
    if (timeout.aborted && error === timeout.reason) throw new RegistrationTimeoutError(owner, version, timeoutMs)
    throw error
  } finally {
    await Promise.all([reader.close(), producer.close()])
  }
}

/** The listener's answers to one catalog's content, as they come. */
class Answers {
  last: CatalogStatusRecord | undefined
  readonly #key: string
  #deliver: (answer: CatalogStatusRecord) => void = () => undefined

  constructor(
    owner: string,
    version: string,
    private readonly fingerprint: string,
  ) {
    this.#key = catalogKey(owner, version)
  }

  take({ value, topic }: IncomingRecord): void {
    const record = decode(value, topic)
    if (record.kind !== 'catalog-status' || catalogKey(record.owner, record.version) !== this.#key) return
    const ours = record.fingerprint === this.fingerprint
    this.last = ours ? record : undefined
    if (ours) this.#deliver(record)
  }

  /** The first answer from now on. Rejects with the signal's reason; harmless when nobody waits for it. */
  next(signal: AbortSignal): Promise<CatalogStatusRecord> {
    const answer = new Promise<CatalogStatusRecord>((resolve, reject) => {
      this.#deliver = resolve
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    })
    answer.catch(() => undefined)
    return answer
  }
}
