import { bindKey, parseTemplate, UnencodableParameterError, type BoundParameters } from '@freshet/cache-keys'
import { KeyWithoutCatalogError, type TypedKey } from '@freshet/catalog'
import type { Cache } from './cache.js'

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
  /** Loaded, but the fence protocol forbade to store it: another change came in between, or the catalog is not in force. */
  | { readonly outcome: 'refused'; readonly reason: string }
  /** This version of the catalog has no such template, or one with other parameters. */
  | { readonly outcome: 'foreign' }

/** Refreshes keys of one service. Rejects with the loader's error. */
export type Refresh = (request: RefreshRequest) => Promise<Refreshed>

/** Refreshes by a cache with a loader for each of its templates: a fresh value stays, else its loader runs. */
export const refreshBy =
  (cache: Pick<Cache, 'key' | 'read'>): Refresh =>
  async ({ template, parameters, ttlMs }) => {
    try {
      const key = cache.key(template, parameters)
      if (!isBindable(key)) return { outcome: 'foreign' }
      const options = { fresh: true, ...(ttlMs !== undefined && { ttlMs }) }
      const { layer, joined, refused } = await cache.read(key, options)
      if (refused !== undefined) return { outcome: 'refused', reason: refused }
      return { outcome: layer === 'source' && !joined ? 'warmed' : 'fresh' }
    } catch (error) {
      if (error instanceof KeyWithoutCatalogError) return { outcome: 'foreign' }
      throw error
    }
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
