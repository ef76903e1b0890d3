import type { Cache } from '@freshet/cache'
import { bindKey, parseTemplate, UnencodableParameterError } from '@freshet/cache-keys'
import { KeyWithoutCatalogError, type TypedKey } from '@freshet/catalog'
import type { RefillJob } from './queue/refill-job.js'

/** What became of a warm request. */
export type Outcome =
  /** Loaded and stored. */
  | { readonly outcome: 'warmed' }
  /** Somebody was quicker. */
  | { readonly outcome: 'fresh' }
  /** Loaded, but the fence protocol forbade to store it: another change came in between, or the catalog is not in force. */
  | { readonly outcome: 'refused'; readonly reason: string }
  | { readonly outcome: 'failed'; readonly error: unknown }
  /** Its deadline had passed. */
  | { readonly outcome: 'late' }
  /** It is for another service's catalog, or for a template that this version does not have. */
  | { readonly outcome: 'foreign' }

/** The cache of one catalog, with a loader for each of its templates. */
export type Warmable = Pick<Cache, 'key' | 'read'>

/**
 * Refills one key of `owner`'s catalog: a fresh value stays, else its loader runs. Never
 * rejects: whoever reads the key next would load it anyway.
 */
export async function refill(cache: Warmable, owner: string, request: RefillJob, nowMs: number): Promise<Outcome> {
  if (request.owner !== owner) return { outcome: 'foreign' }
  if (request.deadline <= nowMs) return { outcome: 'late' }
  try {
    const key = cache.key(request.template, request.parameters)
    if (!isBindable(key)) return { outcome: 'foreign' }
    const { ttlMs } = request
    const { layer, joined, refused } = await cache.read(key, { fresh: true, ...(ttlMs !== undefined && { ttlMs }) })
    if (refused !== undefined) return { outcome: 'refused', reason: refused }
    return { outcome: layer === 'source' && !joined ? 'warmed' : 'fresh' }
  } catch (error) {
    return error instanceof KeyWithoutCatalogError ? { outcome: 'foreign' } : { outcome: 'failed', error }
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
