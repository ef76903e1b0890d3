import { catalogKey, type CatalogAccepted, type GapCause, type GapRecord, type GapScope } from '@freshet/events'
import type { CatalogInForce, FenceSession } from '@freshet/redis'
import type { Occurrences } from '@freshet/service-kit'
import type { Gaps } from '../gaps/gaps.js'
import type { InvalidationOccurrences } from '../occurrences.js'
import type { CatalogDirectory } from './catalog-directory.js'
import { CatalogUnknownError } from './catalog-unknown-error.js'

/** Longer than an announcement takes from the listener to the last partition. */
const restoreAfterMs = 10_000

/** Stands before the fingerprint of a catalog that is leaving force: to clients it is another one already. */
const leavingMark = 'leaving '

type CatalogScope = Extract<GapScope, { kind: 'catalog' }>

/**
 * Brings catalogs into force (R9): once every partition has passed the listener's record, and so every instance plans
 * with the catalog, a gap fences its templates, and only then may clients store. They leave it the other way: Redis says
 * that nothing more may be stored, THEN a gap fences what is stored, THEN the record goes, and only then is a retired
 * catalog planned with no more. A crash in between leaves the mark, and the next upkeep goes on from there.
 */
export class CatalogsInForce {
  constructor(
    private readonly directory: CatalogDirectory,
    private readonly gaps: Gaps,
    private readonly occurrences: Occurrences<InvalidationOccurrences>,
    private readonly waitForCatalogMs: number,
  ) {}

  /** To be called before anything behind the listener's record is planned. An unknown catalog is told, and passed over. */
  async learn(scope: CatalogScope): Promise<void> {
    try {
      await this.directory.known(scope, this.waitForCatalogMs)
    } catch (error) {
      if (!(error instanceof CatalogUnknownError)) throw error
      this.occurrences.emit('catalog:unknown', { owner: scope.owner, version: scope.version, reason: error.message })
    }
  }

  /** One partition has come to the record; the last of them brings the catalog into force. Safe to repeat. */
  async pass(session: FenceSession, partition: string, gap: GapRecord, scope: CatalogScope): Promise<void> {
    if (!this.directory.knows(scope)) return // replaced or retired since; the listener announces what it still wants
    const passed = await session.catalogProgress(gap.gapId, partition)
    if (passed >= gap.partitions.length) await this.enter(session, { ...scope, lsn: gap.lsn })
  }

  /**
   * A partition has come to the record of a retirement: what stands behind it may lack changes. Safe to repeat, and nothing
   * where the catalog came into force again since.
   */
  async retire(session: FenceSession, gap: GapRecord, scope: CatalogScope): Promise<void> {
    const held = (await session.catalogsInForce()).find((one) => isSameName(one, scope))
    if (held !== undefined && held.lsn <= gap.lsn) await this.leave(session, held, 'catalog-retired')
  }

  /**
   * Makes Redis hold what is to be in force, and no more:
   *
   * - Catalogs that were accepted a while ago and that it does not know (it was emptied) come into force again, behind a
   *   gap. The while is for those that are on their way here by the listener's record.
   * - Those that are retired, or no longer fit their database, or with which nobody plans, leave.
   */
  async restore(session: FenceSession): Promise<void> {
    const before = await session.catalogsInForce()
    if (this.wrong(before).length > 0 || this.missing(before).length > 0)
      await this.directory.caughtUp(this.waitForCatalogMs) // another instance may have read further than this one
    const { leaving } = this.directory
    const held = await session.catalogsInForce()
    for (const one of this.wrong(held))
      await this.leave(session, one, this.isRefused(one) ? 'tables-changed' : 'catalog-retired')
    for (const accepted of this.missing(held)) await this.enter(session, accepted)
    for (const name of leaving) this.directory.left(name)
  }

  private wrong(held: readonly CatalogInForce[]): readonly CatalogInForce[] {
    return held.filter((one) => !this.directory.knows(one) || this.isRefused(one))
  }

  private missing(held: readonly CatalogInForce[]): readonly CatalogAccepted[] {
    return this.directory
      .acceptedBefore(Date.now() - restoreAfterMs)
      .filter((accepted) => this.directory.knows(accepted) && !held.some((one) => isSame(one, accepted)))
  }

  private isRefused(one: CatalogInForce): boolean {
    return this.directory.refused.some((refused) => isSame(refused, one))
  }

  private async leave(session: FenceSession, held: CatalogInForce, cause: GapCause): Promise<void> {
    const { owner, version, fingerprint } = held
    if (!fingerprint.startsWith(leavingMark))
      await session.putCatalogInForce({ ...held, fingerprint: leavingMark + fingerprint })
    const templates = this.directory.planner.templatesOfCatalog(owner, version)
    await this.gaps.apply(session, cause, catalogKey(owner, version), templates)
    await session.removeCatalogInForce(owner, version)
    this.directory.left(held)
    this.occurrences.emit('catalog:left', { owner, version, cause })
  }

  private async enter(session: FenceSession, catalog: CatalogInForce): Promise<void> {
    const { owner, version, fingerprint, lsn, parameterKinds } = catalog
    await this.gaps.apply(
      session,
      'catalog-in-force',
      catalogKey(owner, version),
      this.directory.planner.templatesOfCatalog(owner, version),
    )
    await session.putCatalogInForce({ owner, version, fingerprint, lsn, parameterKinds })
    this.occurrences.emit('catalog:in-force', { owner, version, lsn })
  }
}

type Name = Pick<CatalogInForce, 'owner' | 'version'>

const isSameName = (one: Name, other: Name): boolean => one.owner === other.owner && one.version === other.version

const isSame = (one: Name & { fingerprint: string }, other: Name & { fingerprint: string }): boolean =>
  isSameName(one, other) && one.fingerprint === other.fingerprint
