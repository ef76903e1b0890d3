import { NotStorableError, type Cache } from '@freshet/cache'
import { bindKey, parseTemplate, UnencodableParameterError } from '@freshet/cache-keys'
import { KeyWithoutCatalogError, type TypedKey } from '@freshet/catalog'
import { refreshAfterMs } from '@freshet/coherence'
import type { RefillJob } from './queue/refill-job.js'

/** What became of a warm request. */
export type Outcome =
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
  | { readonly outcome: 'failed'; readonly error: unknown }
  /** Its deadline had passed. */
  | { readonly outcome: 'late' }
  /** It is for another service's catalog, or for a template that this version does not have. */
  | { readonly outcome: 'foreign' }

/** The cache of one catalog, with a loader for each of its templates. */
export type Warmable = Pick<Cache, 'key' | 'read'>

/** Whose keys are refilled. */
export interface Refilled {
  readonly owner: string
  /** Of its templates, by name, in milliseconds; 0: strict. */
  readonly windowMsOf: (template: string) => number
}

/**
 * Refills one key of a catalog: a fresh value stays, and so does one within its window that is young; else its loader
 * runs. Never rejects: whoever reads the key next would load it anyway.
 */
export async function refill(cache: Warmable, of: Refilled, request: RefillJob, nowMs: number): Promise<Outcome> {
  if (request.owner !== of.owner) return { outcome: 'foreign' }
  if (request.deadline <= nowMs) return { outcome: 'late' }
  try {
    const key = cache.key(request.template, request.parameters)
    if (!isBindable(key)) return { outcome: 'foreign' }
    const windowMs = of.windowMsOf(request.template)
    if (windowMs > 0) {
      const found = await cache.read(key, { onlyIfStorable: true })
      if (!found.stale) return outcomeOf(found)
      const { loadedAtMs } = found
      const notBefore = Math.floor(loadedAtMs + refreshAfterMs(windowMs))
      const worthMs = windowMs - refreshAfterMs(windowMs) // else it is soon enough
      if (notBefore > nowMs + worthMs) return { outcome: 'early', notBefore, deadline: loadedAtMs + windowMs }
    }
    return outcomeOf(await cache.read(key, { fresh: true, onlyIfStorable: true }))
  } catch (error) {
    if (error instanceof NotStorableError) return { outcome: 'refused', reason: error.reason, isLoaded: false }
    return error instanceof KeyWithoutCatalogError ? { outcome: 'foreign' } : { outcome: 'failed', error }
  }
}

function outcomeOf({ layer, joined, refused }: Awaited<ReturnType<Warmable['read']>>): Outcome {
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
