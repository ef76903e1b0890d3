import { catalogKey, type CatalogDocument, type CatalogFault, type ParameterKindsByTemplate } from '@freshet/events'
import { foreignTopics, validateCatalog, type Catalog } from '@freshet/catalog'
import {
  alterPublications,
  describeTables,
  planPublications,
  publicationMark,
  publicationNames,
  readPublications,
  takeSnapshot,
  type Database,
  type PublicationPlan,
  type PublicationState,
  type TableFacts,
} from '@freshet/postgres'
import { noWatchedTables, type WatchedTables } from '../watched-tables.js'
import { documentFingerprint } from './document-fingerprint.js'
import { readGround } from './ground.js'
import type { AdmissionOptions, AdmissionPorts, RestartFacts } from './ports.js'
import { judge, publicationFaults, type Ground } from './verdict.js'
import { foreignFaults } from './foreign-faults.js'
import { wantedOf, watchedTablesOf } from './watch.js'

/** Tables were altered again and again while the publication was to be changed. */
export class TablesUnsettledError extends Error {
  readonly code = 'TABLES_UNSETTLED'

  constructor(readonly tables: readonly string[]) {
    super(
      `tables changed each time the publication was to be altered; let the DDL on ${tables.join(', ')} end and try again`,
    )
    this.name = 'TablesUnsettledError'
  }
}

/**
 * One catalog that is watched.
 *
 *   candidate --judged well, announced--> in-force --database no longer fits, or its history is lost--> suspended
 *       +--- judged badly: refused and forgotten        ^------------------ announced again -----------------+
 *
 * A suspended one was refused after it had been in force: what can still be watched for it is, since values filled
 * under it may live on.
 */
interface Entry {
  readonly catalog: Catalog
  state: 'candidate' | 'in-force' | 'suspended'
  /** What stood under the same owner and version, with other content; it goes on if this one is refused. */
  readonly replaces: Entry | undefined
  /** Faults that were published, as text, so that they are not published again at each look. */
  told?: string
}

type Announcement = readonly [Entry, ParameterKindsByTemplate]

/**
 * Decides which catalogs are watched, and brings them into force. Rounds run one after the other:
 *
 *   judge -> topics -> stream knows the tables -> publication sends them -> gap on every partition -> status accepted
 *
 * Why in this order:
 * - A topic must exist before its first record; the stream must know a table before Postgres sends its first row.
 * - ALTER PUBLICATION does not wait for open writers. Rows that one wrote before it are never sent, rows behind it are.
 *   So the gap comes after its commit: whoever applies it takes a floor later still, above every writer that was open
 *   then, and a fill waits until all of those have ended (R9).
 * - The status comes last, so that a crash before it announces the catalog again, which is harmless. A crash between
 *   ALTER PUBLICATION and the gap of a catalog that was in force before shows in the next watermark's fingerprint,
 *   which holds the tables' places in the publications.
 */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #ports: AdmissionPorts
  readonly #mark: string
  readonly #entries = new Map<string, Entry>()
  #watched = noWatchedTables
  #round: Promise<void> = Promise.resolve()

  constructor(options: AdmissionOptions, ports: AdmissionPorts) {
    this.#options = options
    this.#ports = ports
    this.#mark = publicationMark(options.namespace)
  }

  /** What the stream looks for now. */
  get watched(): WatchedTables {
    return this.#watched
  }

  /** The catalogs in force, with their fingerprints. */
  get inForce(): readonly Catalog[] {
    return [...this.#entries.values()].filter(({ state }) => state === 'in-force').map(({ catalog }) => catalog)
  }

  /**
   * Begins with every catalog that is registered: a publication loses the tables that none of them has. Those that
   * were in force are announced again only if changes may have been missed.
   *
   * Throws as `offer` does.
   */
  start(documents: readonly CatalogDocument[], restart: RestartFacts): Promise<void> {
    return this.#next(async () => {
      for (const document of documents) {
        const entry = await this.#enter(document)
        if (entry === undefined) continue
        const accepted = restart.accepted.get(catalogKey(document.owner, document.version))
        if (accepted === entry.catalog.fingerprint) entry.state = restart.slotIsNew ? 'suspended' : 'in-force'
      }
      await this.#settle()
    })
  }

  /**
   * Takes one catalog; its verdict is published as its status. One that is in force already changes nothing.
   *
   * Throws PublicationLockedError, TablesUnsettledError, or Postgres' error; then nothing is in force that was not
   * before, and the next call of any of these tries again.
   */
  offer(document: CatalogDocument): Promise<void> {
    return this.#next(async () => {
      const known = this.#entries.get(catalogKey(document.owner, document.version))
      if (known?.state === 'in-force' && known.catalog.fingerprint === documentFingerprint(document)) return
      if (await this.#enter(document)) await this.#settle()
    })
  }

  /** A catalog is no longer in use: what only it had is watched no more. Throws as `offer` does. */
  retire(owner: string, version: string): Promise<void> {
    return this.#next(async () => {
      if (this.#entries.delete(catalogKey(owner, version))) await this.#settle()
    })
  }

  /**
   * Looks at the database again, to be called when the fingerprint of its tables changed: a publication that could now
   * make a write fail is narrowed, and catalogs are suspended or brought back. Throws as `offer` does.
   */
  recheck(): Promise<void> {
    return this.#next(() => this.#settle())
  }

  #next(work: () => Promise<void>): Promise<void> {
    const round = this.#round.then(work)
    this.#round = round.catch(() => undefined) // told to the caller of this round, not to the next one's
    return round
  }

  async #enter(document: CatalogDocument): Promise<Entry | undefined> {
    const { owner, version } = document
    const { catalog, faults } = validateCatalog(document)
    if (catalog === undefined) {
      await this.#publishRefusal({ owner, version, fingerprint: documentFingerprint(document) }, faults)
      return undefined
    }
    const key = catalogKey(owner, version)
    const entry: Entry = { catalog, state: 'candidate', replaces: this.#entries.get(key) }
    this.#entries.set(key, entry)
    return entry
  }

  async #settle(): Promise<void> {
    const attempts = 5
    for (let attempt = 0; attempt < attempts; attempt++) {
      const ground = await readGround(this.#options.pool, this.#tables(), this.#publications)
      const { plan, announcements } = await this.#decide(ground)
      const watched = watchedTablesOf(this.#catalogs(), ground.facts)
      await this.#ports.ensureTopics(watched.entities)
      this.#watched = watched
      this.#ports.applyWatched(watched)
      if (await this.#alter(plan, ground.facts)) return this.#announce(announcements)
    }
    throw new TablesUnsettledError(this.#tables())
  }

  /** Judges candidates one by one beside what is watched already; suspends what the database no longer fits. */
  async #decide(ground: Ground): Promise<{ plan: PublicationPlan; announcements: readonly Announcement[] }> {
    const existing = await readPublications(this.#options.pool, this.#publications)
    const isCandidate = ({ state }: Entry): boolean => state === 'candidate'
    const entries = [...this.#entries].sort(
      ([, left], [, right]) => Number(isCandidate(left)) - Number(isCandidate(right)),
    )
    const watched = new Set(entries.filter(([, entry]) => !isCandidate(entry)).map(([, { catalog }]) => catalog))
    const fitting = new Map<Entry, ParameterKindsByTemplate>()
    const asksForTopics = entries.some(([, entry]) => isCandidate(entry) && foreignTopics([entry.catalog]).length > 0)
    const topics = new Set(asksForTopics ? await this.#ports.existingTopics() : [])
    for (const [key, entry] of entries) {
      const beside = [...watched].filter((catalog) => catalog !== entry.catalog)
      const verdict = judge(entry.catalog, beside, ground)
      const planned = this.#plan([...beside, entry.catalog], ground, existing)
      const faults = [
        ...verdict.faults,
        ...publicationFaults(entry.catalog, planned, ground, this.#mark),
        ...(isCandidate(entry) ? foreignFaults(entry.catalog, ground.slots, topics) : []),
      ]
      if (faults.length > 0) {
        await this.#refuse(key, entry, faults)
        continue
      }
      watched.add(entry.catalog)
      fitting.set(entry, verdict.kinds)
    }
    const plan = this.#plan(this.#catalogs(), ground, existing)
    const gained = new Set(plan.gained)
    const lost = ({ catalog }: Entry): boolean => Object.keys(catalog.json.tables).some((table) => gained.has(table))
    return { plan, announcements: [...fitting].filter(([entry]) => entry.state !== 'in-force' || lost(entry)) }
  }

  #plan(
    catalogs: readonly Catalog[],
    { facts, version }: Ground,
    existing: readonly PublicationState[],
  ): PublicationPlan {
    const tables = wantedOf(catalogs, facts)
    return planPublications({ name: this.#options.publication, mark: this.#mark, version, tables }, existing)
  }

  async #alter(plan: PublicationPlan, facts: ReadonlyMap<string, TableFacts>): Promise<boolean> {
    if (plan.statements.length === 0 || plan.faults.length > 0) return true
    const planned = wantedOf(this.#catalogs(), facts)
    const stillHolds = async (connection: Database): Promise<boolean> => {
      const now = await describeTables(connection, this.#tables(), this.#publications)
      const wanted = wantedOf(this.#catalogs(), new Map(now.map((table) => [table.name, table])))
      return wanted.size === planned.size && [...planned].every(([table, publish]) => wanted.get(table) === publish)
    }
    const altered = await alterPublications(this.#options.pool, plan.statements, { stillHolds })
    if (altered) this.#ports.onOccurrence?.({ kind: 'publication:altered', statements: plan.statements })
    return altered
  }

  async #announce(announcements: readonly Announcement[]): Promise<void> {
    for (const [entry, parameterKinds] of announcements) {
      const { owner, version, fingerprint } = entry.catalog
      const { insertLsn } = await takeSnapshot(this.#options.pool)
      const scope = { kind: 'catalog', owner, version, fingerprint, parameterKinds } as const
      entry.state = 'suspended' // until both are written
      await this.#ports.publishGap({ scope, cause: 'catalog-in-force', lsn: insertLsn })
      await this.#ports.publishStatus({
        state: 'accepted',
        owner,
        version,
        fingerprint,
        lsn: insertLsn,
        parameterKinds,
      })
      entry.state = 'in-force'
      delete entry.told
      this.#ports.onOccurrence?.({ kind: 'catalog:in-force', owner, version, fingerprint, lsn: insertLsn })
    }
  }

  async #refuse(key: string, entry: Entry, faults: readonly CatalogFault[]): Promise<void> {
    if (entry.state !== 'candidate') entry.state = 'suspended'
    else if (entry.replaces) this.#entries.set(key, entry.replaces)
    else this.#entries.delete(key)
    const told = JSON.stringify(faults)
    if (entry.told === told) return
    await this.#publishRefusal(entry.catalog, faults)
    entry.told = told
  }

  async #publishRefusal(
    { owner, version, fingerprint }: Pick<Catalog, 'owner' | 'version' | 'fingerprint'>,
    faults: readonly CatalogFault[],
  ): Promise<void> {
    await this.#ports.publishStatus({ state: 'refused', owner, version, fingerprint, faults })
    this.#ports.onOccurrence?.({ kind: 'catalog:refused', owner, version, fingerprint, faults })
  }

  get #publications(): readonly string[] {
    return publicationNames(this.#options.publication)
  }

  #catalogs(): readonly Catalog[] {
    return [...this.#entries.values()].map(({ catalog }) => catalog)
  }

  #tables(): readonly string[] {
    const declared = this.#catalogs().flatMap(({ json }) => Object.entries(json.tables))
    return [...new Set(declared.filter(([, { from }]) => from?.types === undefined).map(([table]) => table))]
  }
}
