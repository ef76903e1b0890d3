import { setTimeout as pause } from 'node:timers/promises'
import type { Catalog } from '@freshet/catalog'
import type { CatalogInForce, ValueStore } from '@freshet/redis'
import { CatalogNotInForceError } from './errors.js'

/** How often a client that does not know its catalog to be in force asks Redis, at most. */
const LOOK_EVERY_MS = 100

/**
 * Whether the catalog is in force, as the invalidation service wrote it to Redis.
 *
 *   unknown --a record with our fingerprint--> in force --a look finds none, or another--> unknown
 *
 * While unknown nothing is read from or stored in any layer: changes may go by unfenced, and two spellings of one
 * parameter would be two keys.
 */
export class CatalogWatch {
  #record: CatalogInForce | undefined
  #seen: CatalogNotInForceError['seen'] = {}
  #looking: Promise<CatalogInForce | undefined> | undefined
  #lookedAtMs = -Infinity

  constructor(
    private readonly catalog: Pick<Catalog, 'owner' | 'version' | 'fingerprint'>,
    private readonly values: Pick<ValueStore, 'catalogInForce'>,
  ) {}

  /** The record, if the last look found it. The same object as long as its content stays the same. */
  get record(): CatalogInForce | undefined {
    return this.#record
  }

  /** Asks Redis. Throws ValuesUnavailableError. */
  async look(): Promise<CatalogInForce | undefined> {
    const { owner, version, fingerprint } = this.catalog
    const found = await this.values.catalogInForce(owner, version)
    this.#seen = found === undefined ? {} : { fingerprint: found.fingerprint }
    if (found?.fingerprint !== fingerprint) this.#record = undefined
    else if (this.#record?.lsn !== found.lsn) this.#record = found
    return this.#record
  }

  /** For a read that does not know it in force: one look for all who ask, not too often, and never an error. */
  async find(): Promise<CatalogInForce | undefined> {
    if (this.#looking) return this.#looking
    if (performance.now() - this.#lookedAtMs < LOOK_EVERY_MS) return this.#record
    this.#looking = this.look().catch((error: unknown) => {
      this.#seen = { error }
      return undefined
    })
    const found = await this.#looking
    this.#looking = undefined
    this.#lookedAtMs = performance.now()
    return found
  }

  /** Resolves once in force. Throws CatalogNotInForceError after `timeoutMs`, and what `signal` is aborted with. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<CatalogInForce> {
    const { owner, version, fingerprint } = this.catalog
    const fromMs = performance.now()
    for (;;) {
      signal.throwIfAborted()
      const found = await this.find()
      if (found) return found
      const waitedMs = Math.round(performance.now() - fromMs)
      if (waitedMs >= timeoutMs) throw new CatalogNotInForceError(owner, version, fingerprint, this.#seen, waitedMs)
      await pause(Math.min(LOOK_EVERY_MS, timeoutMs - waitedMs + 1), undefined, { signal })
    }
  }
}
