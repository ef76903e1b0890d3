import type { Tag } from '@freshet/cache-keys'
import { foreignTopics, validateCatalog, type Catalog, type ForeignTopic } from '@freshet/catalog'
import {
  catalogKey,
  decodeOrSkip,
  type CatalogAccepted,
  type CatalogRefused,
  type CatalogStatusRecord,
  type Topics,
} from '@freshet/events'
import type { BroadcastReader, IncomingRecord, KafkaPort } from '@freshet/kafka'
import { createPlanner, type Planner } from '@freshet/planner'
import type { Occurrences } from '@freshet/service-kit'
import { BehaviorSubject, defer, distinctUntilChanged, firstValueFrom, map, race, timer, type Observable } from 'rxjs'
import type { InvalidationOccurrences } from '../occurrences.js'
import { CatalogUnknownError } from './catalog-unknown-error.js'
import { CatalogsBehindError } from './catalogs-behind-error.js'

/** Which catalog: an owner has several while versions overlap. */
export interface CatalogName {
  readonly owner: string
  readonly version: string
}

const nameOf = ({ owner, version }: CatalogName): string => catalogKey(owner, version)

interface Directory {
  /** By name and fingerprint: other content under a known name stands beside the old until the listener has accepted it. */
  readonly catalogs: ReadonlyMap<string, ReadonlyMap<string, Catalog>>
  /** The same. */
  readonly all: readonly Catalog[]
  readonly planner: Planner
  /** By name. */
  readonly foreign: ReadonlyMap<string, ForeignTopic>
}

/**
 * All catalogs that were ever registered, read whole from `catalogs.v1` and followed from there.
 *
 * A catalog plans from the moment it is known, before it is in force: fences too many harm no one, one too few does.
 */
export class CatalogDirectory {
  private readonly state = new BehaviorSubject<Directory>({
    catalogs: new Map(),
    all: [],
    planner: createPlanner([]),
    foreign: new Map(),
  })
  private readonly statuses = new Map<string, { readonly status: CatalogStatusRecord; readonly heardAt: number }>()
  private readonly reader: BroadcastReader

  constructor(
    kafka: KafkaPort,
    private readonly topics: Topics,
    private readonly topicPrefix: string,
    private readonly occurrences: Occurrences<InvalidationOccurrences>,
  ) {
    this.reader = kafka.broadcast({
      topics: [topics.catalogs, topics.catalogStatus],
      from: 'earliest',
      onRecord: (record) => this.take(record),
    })
  }

  async start(): Promise<void> {
    await this.reader.start()
    await this.reader.caughtUp()
  }

  /**
   * Resolves once everything that was registered before the call is known here.
   *
   * Throws CatalogsBehindError when that takes longer than `withinMs`.
   */
  async caughtUp(withinMs: number): Promise<void> {
    const isCaughtUp = defer(() => this.reader.caughtUp()).pipe(map(() => true))
    if (!(await firstValueFrom(race(isCaughtUp, timer(withinMs).pipe(map(() => false))))))
      throw new CatalogsBehindError(this.topics.catalogs, withinMs)
  }

  close(): Promise<void> {
    return this.reader.close()
  }

  get catalogs(): readonly Catalog[] {
    return this.state.value.all
  }

  get planner(): Planner {
    return this.state.value.planner
  }

  /** Catalogs that the listener has accepted, as heard here before a moment (milliseconds since 1970). */
  acceptedBefore(moment: number): readonly CatalogAccepted[] {
    return [...this.statuses.values()].flatMap(({ status, heardAt }) =>
      status.state === 'accepted' && heardAt < moment ? [status] : [],
    )
  }

  /** Catalogs whose last answer is a refusal: those of them that were in force no longer fit their database. */
  get refused(): readonly CatalogRefused[] {
    return [...this.statuses.values()].flatMap(({ status }) => (status.state === 'refused' ? [status] : []))
  }

  /** The topics of others, by name. */
  get foreign(): ReadonlyMap<string, ForeignTopic> {
    return this.state.value.foreign
  }

  /** The change topics of all tables, the event topics of all emitted events, and the topics of others, sorted; emits when a catalog adds one. */
  get sourceTopics(): Observable<readonly string[]> {
    return this.state.pipe(
      map(({ all }) => sourceTopics(all, this.topics)),
      distinctUntilChanged((before, after) => before.join() === after.join()),
    )
  }

  get currentSourceTopics(): readonly string[] {
    return sourceTopics(this.state.value.all, this.topics)
  }

  /** Every template tag that rules on what a source topic carries can touch. */
  templatesOf(topic: string): readonly Tag[] {
    const { planner, foreign } = this.state.value
    const sources = foreign.get(topic)?.sources
    if (sources === undefined)
      return planner.templatesOfEntity(topic.slice(this.topicPrefix.length).replace(/\.(changes|events)\.v1$/, ''))
    const tags = sources.flatMap((source) =>
      source.kind === 'debezium'
        ? planner.templatesOf([source.table])
        : planner.templatesOfEntity(entityOf(source.event)),
    )
    return [...new Map(tags.map((tag) => [tag.text, tag])).values()]
  }

  /** Does this very catalog plan here? */
  knows(wanted: CatalogName & { readonly fingerprint: string }): boolean {
    return this.state.value.catalogs.get(nameOf(wanted))?.has(wanted.fingerprint) ?? false
  }

  /**
   * Resolves once this very catalog plans here. What a change topic tells of stands in `catalogs.v1` by then, so that
   * it is unknown only if it was replaced or retired since.
   *
   * Throws CatalogUnknownError when it is not there, or `catalogs.v1` cannot be read to its end within `withinMs`.
   */
  async known(wanted: CatalogName & { readonly fingerprint: string }, withinMs: number): Promise<void> {
    if (this.knows(wanted)) return
    await this.caughtUp(withinMs).catch((error: unknown) => {
      if (!(error instanceof CatalogsBehindError)) throw error
    })
    if (this.knows(wanted)) return
    const instead = this.state.value.catalogs.get(nameOf(wanted))?.keys().next().value
    throw new CatalogUnknownError(wanted, instead)
  }

  private take(record: IncomingRecord): void {
    const decoded = decodeOrSkip(record.value, record.topic)
    if (decoded.kind === 'catalog') this.learn(decoded.catalog)
    else if (decoded.kind === 'catalog-retired') this.forget(decoded)
    else if (decoded.kind === 'catalog-status') this.note(decoded)
  }

  private note(status: CatalogStatusRecord): void {
    const name = nameOf(status)
    this.statuses.set(name, { status, heardAt: Date.now() })
    const contents = this.state.value.catalogs.get(name)
    const accepted = status.state === 'accepted' ? contents?.get(status.fingerprint) : undefined
    if (accepted && contents && contents.size > 1) this.replace(name, new Map([[accepted.fingerprint, accepted]]))
  }

  private learn(document: unknown): void {
    const { catalog } = validateCatalog(document)
    if (!catalog) return // the listener refuses it and says why
    const name = nameOf(catalog)
    this.replace(name, new Map(this.state.value.catalogs.get(name)).set(catalog.fingerprint, catalog))
  }

  private forget(name: CatalogName): void {
    this.statuses.delete(nameOf(name))
    this.replace(nameOf(name), new Map())
  }

  private replace(name: string, contents: ReadonlyMap<string, Catalog>): void {
    const catalogs = new Map(this.state.value.catalogs)
    if (contents.size > 0) catalogs.set(name, contents)
    else catalogs.delete(name)
    const all = [...catalogs.values()].flatMap((each) => [...each.values()])
    const planner = createPlanner(all)
    const foreign = new Map(foreignTopics(all).map((each) => [each.topic, each]))
    this.state.next({ catalogs, all, planner, foreign })
    this.occurrences.emit('graph:compiled', planner.size)
  }
}

function sourceTopics(catalogs: readonly Catalog[], topics: Topics): readonly string[] {
  const names = new Set<string>()
  for (const { json } of catalogs) {
    for (const table of Object.values(json.tables)) names.add(topics.changes(table.entity))
    for (const event of Object.keys(json.events ?? {})) names.add(topics.events(entityOf(event)))
  }
  for (const { topic } of foreignTopics(catalogs)) names.add(topic)
  return [...names].sort()
}

/** `invoice` of `invoice.voided`. */
const entityOf = (event: string): string => event.slice(0, event.indexOf('.'))
