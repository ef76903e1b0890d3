import {
  catalogKey,
  decodeOrSkip,
  topics as topicNames,
  type CatalogAccepted,
  type CatalogDocument,
  type CatalogRetiredRecord,
  type CatalogStatusRecord,
} from '@freshet/events'
import type { BroadcastReader, IncomingRecord, KafkaPort } from '@freshet/kafka'
import { documentFingerprint } from './document-fingerprint.js'
import type { Retirement } from './ports.js'

/** Who is told of what comes after the start. */
export interface CatalogFollower {
  registered(catalog: CatalogDocument): void
  retired(catalog: Pick<CatalogRetiredRecord, 'owner' | 'version'>): void
}

/** What stands under one owner and version. */
interface Registered {
  readonly owner: string
  readonly version: string
  /** By fingerprint, the one that was registered last at the end. */
  readonly contents: Map<string, CatalogDocument>
  isRetired: boolean
}

/** Change topics are kept so long: until then a service that was away may have to read its way past the retirement. */
const rememberRetiredMs = 7 * 24 * 3_600_000

/**
 * The catalogs that services registered, and the listener's own answers to them.
 *
 *   reading --read() has come to the end of both topics--> read --follow()--> following --close()--> closed
 *
 * One reader for both parts: a second one would begin at the start again, with records that were replaced since.
 */
export class RegisteredCatalogs {
  readonly #catalogs = new Map<string, Registered>()
  readonly #statuses = new Map<string, { readonly status: CatalogStatusRecord; readonly atMs: number }>()
  readonly #accepted = new Map<string, CatalogAccepted>()
  readonly #late: IncomingRecord[] = []
  readonly #reader: BroadcastReader
  readonly #catalogsTopic: string
  #mode: 'reading' | 'read' | CatalogFollower = 'reading'

  constructor(kafka: KafkaPort, topicPrefix: string) {
    const { catalogs, catalogStatus } = topicNames(topicPrefix)
    this.#catalogsTopic = catalogs
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

  /**
   * By owner and version the content that was registered last, and before it the accepted one, where that is another: it
   * stays in force whatever was registered over it. Retired ones are gone.
   */
  get documents(): readonly CatalogDocument[] {
    return [...this.#catalogs].flatMap(([key, { contents, isRetired }]) => {
      const accepted = contents.get(this.#accepted.get(key)?.fingerprint ?? '')
      const last = [...contents.values()].at(-1)
      return isRetired ? [] : [...new Set([accepted, last])].filter((document) => document !== undefined)
    })
  }

  /** By `owner@version`, those that were accepted last and neither refused with the same content nor retired since. */
  get accepted(): ReadonlyMap<string, CatalogAccepted> {
    return this.#accepted
  }

  /** Retirements that the listener has not answered. */
  get retirements(): readonly Retirement[] {
    return [...this.#catalogs].flatMap(([key, { owner, version, contents, isRetired }]) => {
      if (!isRetired || this.#statuses.get(key)?.status.state === 'retired') return []
      const document = contents.get(this.#accepted.get(key)?.fingerprint ?? '')
      return [{ owner, version, ...(document && { document }) }]
    })
  }

  /** Keys of catalogs whose retirement was answered so long ago that nobody reads of it any more. */
  forgettable(nowMs: number): readonly string[] {
    return [...this.#statuses].flatMap(([key, { status, atMs }]) =>
      status.state === 'retired' && atMs < nowMs - rememberRetiredMs && this.#catalogs.get(key)?.isRetired !== false
        ? [key]
        : [],
    )
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
    } else if (record.value === null) this.#forget(record)
    else if (read.kind === 'catalog') this.#register(read.catalog)
    else if (read.kind === 'catalog-retired') this.#registered(read).isRetired = true
    else if (read.kind === 'catalog-status') this.#note(read, record.timestampMs)
  }

  #register(document: CatalogDocument): void {
    const known = this.#registered(document)
    if (known.isRetired) known.contents.clear()
    known.isRetired = false
    const fingerprint = documentFingerprint(document)
    known.contents.delete(fingerprint)
    known.contents.set(fingerprint, document)
  }

  #registered({ owner, version }: { readonly owner: string; readonly version: string }): Registered {
    const key = catalogKey(owner, version)
    const known = this.#catalogs.get(key) ?? { owner, version, contents: new Map(), isRetired: false }
    this.#catalogs.set(key, known)
    return known
  }

  #note(status: CatalogStatusRecord, atMs: number): void {
    const key = catalogKey(status.owner, status.version)
    this.#statuses.set(key, { status, atMs })
    if (status.state === 'accepted') this.#accepted.set(key, status)
    else if (status.state === 'retired' || status.fingerprint === this.#accepted.get(key)?.fingerprint)
      this.#accepted.delete(key)
  }

  /** A tombstone retires nothing; it forgets what is retired already. */
  #forget({ topic, key }: IncomingRecord): void {
    const name = key?.toString('utf8') ?? ''
    if (topic !== this.#catalogsTopic) this.#statuses.delete(name)
    else if (this.#catalogs.get(name)?.isRetired === true) this.#catalogs.delete(name)
  }
}
