import { catalogKey, type CatalogRefused, type GapRecord, type GapScope } from '@freshet/events'
import type { CatalogInForce, FenceSession } from '@freshet/redis'
import type { Occurrences } from '@freshet/service-kit'
import type { Gaps } from '../gaps/gaps.js'
import type { InvalidationOccurrences } from '../occurrences.js'
import type { CatalogDirectory } from './catalog-directory.js'
import { CatalogUnknownError } from './catalog-unknown-error.js'

/** Longer than an announcement takes from the listener to the last partition. */
const restoreAfterMs = 10_000

type CatalogScope = Extract<GapScope, { kind: 'catalog' }>

/**
 * Brings catalogs into force (R9): once every partition has passed the listener's record, and so every instance plans
 * with the catalog, a gap fences its templates, and only then may clients store.
 */
export class CatalogsInForce {
  /** Refusals whose templates were fenced by this process; a restart does it again, which is harmless. */
  private readonly left = new WeakSet<CatalogRefused>()

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
   * Catalogs that were accepted a while ago and that this Redis does not know (it was emptied) come into force again,
   * behind a gap. The while is for those that are on their way here by the listener's record.
   */
  async restore(session: FenceSession): Promise<void> {
    const held = await session.catalogsInForce()
    const isHeld = (catalog: CatalogInForce): boolean =>
      held.some(
        (one) =>
          one.owner === catalog.owner && one.version === catalog.version && one.fingerprint === catalog.fingerprint,
      )
    for (const accepted of this.directory.acceptedBefore(Date.now() - restoreAfterMs))
      if (!isHeld(accepted) && this.directory.knows(accepted)) await this.enter(session, accepted)
    for (const refused of this.directory.refused) await this.leave(session, refused, held)
  }

  /** A catalog in force that its database no longer fits: nothing more is stored under it, then what is stored is fenced. */
  private async leave(session: FenceSession, refused: CatalogRefused, held: readonly CatalogInForce[]): Promise<void> {
    const { owner, version, fingerprint } = refused
    const isHeld = held.some((one) => one.owner === owner && one.version === version && one.fingerprint === fingerprint)
    if (!isHeld && this.left.has(refused)) return
    if (isHeld) await session.removeCatalogInForce(owner, version)
    const templates = this.directory.planner.templatesOfCatalog(owner, version)
    await this.gaps.apply(session, 'tables-changed', catalogKey(owner, version), templates)
    this.left.add(refused)
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
