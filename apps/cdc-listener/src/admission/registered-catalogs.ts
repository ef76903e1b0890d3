import {
  catalogKey,
  decodeOrSkip,
  topics as topicNames,
  type CatalogDocument,
  type CatalogRetiredRecord,
} from '@freshet/events'
import type { BroadcastReader, IncomingRecord, KafkaPort } from '@freshet/kafka'

/** Who is told of what comes after the start. */
export interface CatalogFollower {
  registered(catalog: CatalogDocument): void
  retired(catalog: Pick<CatalogRetiredRecord, 'owner' | 'version'>): void
}

/**
 * The catalogs that services registered, and the listener's own answers to them.
 *
 *   reading --read() has come to the end of both topics--> read --follow()--> following --close()--> closed
 *
 * One reader for both parts: a second one would begin at the start again, with records that were replaced since.
 */
export class RegisteredCatalogs {
  readonly #catalogs = new Map<string, CatalogDocument>()
  readonly #accepted = new Map<string, string>()
  readonly #late: IncomingRecord[] = []
  readonly #reader: BroadcastReader
  #mode: 'reading' | 'read' | CatalogFollower = 'reading'

  constructor(kafka: KafkaPort, topicPrefix: string) {
    const { catalogs, catalogStatus } = topicNames(topicPrefix)
    this.#reader = kafka.broadcast({
      topics: [catalogs, catalogStatus],
      from: 'earliest',
      onRecord: (record) => this.#take(record),
    })
  }

  /** Resolves once everything that was registered before the call is here. */
  async read(): Promise<void> {
    await this.#reader.start()
    await this.#reader.caughtUp()
    this.#mode = 'read'
  }

  /** By owner and version, the last of each; retired ones are gone. */
  get documents(): readonly CatalogDocument[] {
    return [...this.#catalogs.values()]
  }

  /** `owner@version` -> fingerprint, of those whose last status is `accepted`. */
  get accepted(): ReadonlyMap<string, string> {
    return this.#accepted
  }

  /** Hands on whatever came since `read()`, and all that comes from now on. */
  follow(follower: CatalogFollower): void {
    this.#mode = follower
    for (const record of this.#late.splice(0)) this.#take(record)
  }

  async close(): Promise<void> {
    await this.#reader.close()
  }

  #take(record: IncomingRecord): void {
    if (this.#mode === 'read') return void this.#late.push(record)
    const read = decodeOrSkip(record.value, record.topic)
    if (this.#mode !== 'reading') {
      if (read.kind === 'catalog') this.#mode.registered(read.catalog)
      else if (read.kind === 'catalog-retired') this.#mode.retired(read)
    } else if (read.kind === 'catalog')
      this.#catalogs.set(catalogKey(read.catalog.owner, read.catalog.version), read.catalog)
    else if (read.kind === 'catalog-retired') this.#catalogs.delete(catalogKey(read.owner, read.version))
    else if (read.kind === 'catalog-status') {
      const key = catalogKey(read.owner, read.version)
      if (read.state === 'accepted') this.#accepted.set(key, read.fingerprint)
      else this.#accepted.delete(key)
    }
  }
}
