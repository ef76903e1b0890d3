import {
  catalogKey,
  type CatalogAccepted,
  type CatalogDocument,
  type CatalogFault,
  type ParameterKindsByTemplate,
} from '@freshet/events'
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
import type { AdmissionOptions, AdmissionPorts, CatalogStatus, RestartFacts } from './ports.js'
import { judge, publicationFaults, versionTaken, type Ground } from './verdict.js'
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
 * under it may live on. Other content under the owner and version of either is refused, and changes nothing. Either ends
 * by its retirement.
 */
interface Entry {
  readonly catalog: Catalog
  state: 'candidate' | 'in-force' | 'suspended'
  /** The same content as it stood before; it goes on if it is refused now. */
  readonly replaces: Entry | undefined
  /** What was published of it last. */
  status?: CatalogStatus
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
 *
 * A retirement goes the other way: gap on every partition -> status retired -> publication. Whoever applies a watermark
 * of which changes are missing has passed the gap before it, and so nobody stores or reads under the catalog any more.
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
      const retirements = restart.retirements ?? []
      const retired = retirements.flatMap(({ document }) => document ?? []) // watched until their end is told
      const challengers: CatalogDocument[] = []
      for (const document of [...documents, ...retired]) {
        const key = catalogKey(document.owner, document.version)
        if (this.#entries.has(key)) challengers.push(document)
        else await this.#enterAgain(document, restart.accepted.get(key), restart.slotIsNew)
      }
      await this.#settle()
      for (const document of challengers) await this.#challenge(document)
      if (retirements.length === 0) return
      for (const { owner, version } of retirements) await this.#leave(owner, version)
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
      if (known && known.catalog.fingerprint !== documentFingerprint(document)) return this.#challenge(document)
      if (known?.state === 'in-force') return
      if (await this.#enter(document)) await this.#settle()
    })
  }

  /** A catalog is no longer in use: it leaves force, and then what only it had is watched no more. Throws as `offer` does. */
  retire(owner: string, version: string): Promise<void> {
    return this.#next(async () => {
      await this.#leave(owner, version)
      await this.#settle()
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

  async #enterAgain(
    document: CatalogDocument,
    accepted: Pick<CatalogAccepted, 'fingerprint' | 'lsn' | 'parameterKinds'> | undefined,
    changesMayBeMissing: boolean,
  ): Promise<void> {
    const entry = await this.#enter(document)
    if (entry === undefined || accepted?.fingerprint !== entry.catalog.fingerprint) return
    const { owner, version } = document
    const { fingerprint, lsn, parameterKinds } = accepted
    entry.state = changesMayBeMissing ? 'suspended' : 'in-force'
    entry.status = { state: 'accepted', owner, version, fingerprint, lsn, parameterKinds }
  }

  /**
   * Other content under the owner and version of a catalog that was accepted: instances of both could not be told apart.
   * It is refused with all its faults. What stands is written again behind it: `catalogs.v1` and the statuses are
   * compacted, and would keep the refused one only.
   */
  async #challenge(document: CatalogDocument): Promise<void> {
    const { owner, version } = document
    const standing = this.#entries.get(catalogKey(owner, version))
    if (standing === undefined) return
    const fingerprint = documentFingerprint(document)
    const { catalog, faults } = validateCatalog(document)
    const others = catalog ? await this.#faultsBesideOthers(catalog) : faults
    await this.#publishRefusal({ owner, version, fingerprint }, [versionTaken(standing.catalog), ...others])
    await this.#ports.publishCatalog({ ...standing.catalog.json })
    if (standing.status) await this.#ports.publishStatus(standing.status)
  }

  async #faultsBesideOthers(catalog: Catalog): Promise<readonly CatalogFault[]> {
    const others = this.#catalogs().filter(
      ({ owner, version }) => owner !== catalog.owner || version !== catalog.version,
    )
    const ground = await readGround(this.#options.pool, tablesHere([...others, catalog]), this.#publications)
    const existing = await readPublications(this.#options.pool, this.#publications)
    const planned = this.#plan([...others, catalog], ground, existing)
    const topics = new Set(foreignTopics([catalog]).length > 0 ? await this.#ports.existingTopics() : [])
    return [
      ...judge(catalog, others, ground).faults,
      ...publicationFaults(catalog, planned, ground, this.#mark),
      ...foreignFaults(catalog, ground.slots, topics),
    ]
  }

  /** Tells of a retirement while everything is still watched. Harmless to repeat. */
  async #leave(owner: string, version: string): Promise<void> {
    const key = catalogKey(owner, version)
    const entry = this.#entries.get(key)
    const fingerprint = entry?.catalog.fingerprint ?? ''
    const { insertLsn: lsn } = await takeSnapshot(this.#options.pool)
    if (entry) {
      const scope = { kind: 'catalog', owner, version, fingerprint, parameterKinds: {} } as const
      await this.#ports.publishGap({ scope, cause: 'catalog-retired', lsn })
    }
    await this.#ports.publishStatus({ state: 'retired', owner, version, fingerprint, lsn })
    this.#entries.delete(key)
    this.#ports.onOccurrence?.({ kind: 'catalog:retired', owner, version, lsn })
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
      const status = { state: 'accepted', owner, version, fingerprint, lsn: insertLsn, parameterKinds } as const
      await this.#ports.publishStatus(status)
      entry.state = 'in-force'
      entry.status = status
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
    entry.status = await this.#publishRefusal(entry.catalog, faults)
    entry.told = told
  }

  async #publishRefusal(
    { owner, version, fingerprint }: Pick<Catalog, 'owner' | 'version' | 'fingerprint'>,
    faults: readonly CatalogFault[],
  ): Promise<CatalogStatus> {
    const status = { state: 'refused', owner, version, fingerprint, faults } as const
    await this.#ports.publishStatus(status)
    this.#ports.onOccurrence?.({ kind: 'catalog:refused', owner, version, fingerprint, faults })
    return status
  }

  get #publications(): readonly string[] {
    return publicationNames(this.#options.publication)
  }

  #catalogs(): readonly Catalog[] {
    return [...this.#entries.values()].map(({ catalog }) => catalog)
  }

  #tables(): readonly string[] {
    return tablesHere(this.#catalogs())
  }
}

/** Those that are in this database. */
function tablesHere(catalogs: readonly Catalog[]): readonly string[] {
  const declared = catalogs.flatMap(({ json }) => Object.entries(json.tables))
  return [...new Set(declared.filter(([, { from }]) => from?.types === undefined).map(([table]) => table))]
}
