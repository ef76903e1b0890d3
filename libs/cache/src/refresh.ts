import { bindKey, parseTemplate, UnencodableParameterError, type BoundParameters } from '@freshet/cache-keys'
import { KeyWithoutCatalogError, parseDuration, type TypedKey } from '@freshet/catalog'
import { refreshAfterMs } from '@freshet/coherence'
import type { Cache } from './cache.js'
import { NotStorableError } from './errors.js'
import type { Reading } from './reading.js'

/** A key whose value is to be loaded before anyone asks for it. */
export interface RefreshRequest {
  /** The template's name. */
  readonly template: string
  readonly parameters: BoundParameters
  /** How long the value is kept at least, in milliseconds; by default its template's TTL. */
  readonly ttlMs?: number
}

/** What became of it. */
export type Refreshed =
  /** Loaded and stored. */
  | { readonly outcome: 'warmed' }
  /** Somebody was quicker. */
  | { readonly outcome: 'fresh' }
  /** Somebody has loaded it so lately that its window lasts for longer: to be refreshed then, in milliseconds since 1970. */
  | { readonly outcome: 'early'; readonly notBefore: number; readonly deadline: number }
  /**
   * The fence protocol forbade to store it: another change came in between, or the catalog is not in force. Loaded only
   * where the load itself was the reason.
   */
  | { readonly outcome: 'refused'; readonly reason: string; readonly isLoaded: boolean }
  /** This version of the catalog has no such template, or one with other parameters. */
  | { readonly outcome: 'foreign' }

/** Refreshes keys of one service. Rejects with the loader's error. */
export type Refresh = (request: RefreshRequest) => Promise<Refreshed>

/**
 * Refreshes by a cache with a loader for each of its templates: a fresh value stays, and so does one within its window that
 * is young; else its loader runs, unless what it loads could not be stored. `clockMs`: milliseconds since 1970.
 */
export const refreshBy =
  (cache: Pick<Cache, 'key' | 'read'>, clockMs: () => number = Date.now): Refresh =>
  async ({ template, parameters, ttlMs }) => {
    try {
      const key = cache.key(template, parameters)
      if (!isBindable(key)) return { outcome: 'foreign' }
      const options = { onlyIfStorable: true, ...(ttlMs !== undefined && { ttlMs }) }
      const { staleWhileRevalidate } = key.definition.options
      if (staleWhileRevalidate !== undefined) {
        const found = await cache.read(key, options)
        if (!found.stale) return outcomeOf(found)
        const windowMs = parseDuration(staleWhileRevalidate)
        const { loadedAtMs } = found
        const notBefore = Math.floor(loadedAtMs + refreshAfterMs(windowMs))
        const worthMs = windowMs - refreshAfterMs(windowMs) // else it is soon enough
        if (notBefore > clockMs() + worthMs) return { outcome: 'early', notBefore, deadline: loadedAtMs + windowMs }
      }
      return outcomeOf(await cache.read(key, { fresh: true, ...options }))
    } catch (error) {
      if (error instanceof NotStorableError) return { outcome: 'refused', reason: error.reason, isLoaded: false }
      if (error instanceof KeyWithoutCatalogError) return { outcome: 'foreign' }
      throw error
    }
  }

function outcomeOf({ layer, joined, refused }: Pick<Reading<unknown>, 'layer' | 'joined' | 'refused'>): Refreshed {
  if (refused !== undefined) return { outcome: 'refused', reason: refused, isLoaded: true }
  return { outcome: layer === 'source' && !joined ? 'warmed' : 'fresh' }
}

/** Versions overlap: another may have a template of this name with other parameters. That says nothing of the source. */
function isBindable({ definition, parameters }: TypedKey): boolean {
  try {
    bindKey(parseTemplate(definition.text), parameters)
    return true
  } catch (error) {
    if (error instanceof UnencodableParameterError) return false
    throw error
  }
}
