import { takesStale } from '@freshet/coherence'
import { Address } from './address.js'
import {
  CacheClosedError,
  LoaderCycleError,
  LoaderEndedError,
  LoaderMissingError,
  UnencodableValueError,
} from './errors.js'
import type { HeldValue } from './held-value.js'
import type { ReaderPorts, ReadRequest } from './reader.js'

/** Stands behind the fingerprint of values that outlive their time by their template's `staleIfError`. */
const KEPT = '-kept'

/**
 * Where a second copy of a value lies, with all that governs it: Redis lets it expire `staleIfError` after the value itself,
 * so that no clock of a process is asked how long that is. No read finds it that was not failed by the source.
 */
export const keptCopyOf = ({ template, key, kinds }: Address): Address =>
  new Address({ ...template, fingerprint: template.fingerprint + KEPT }, key, kinds)

/**
 * What may be served instead of an error of the source (R10: marked stale, and unvouched): an old value within its
 * template's `staleIfError` of its first fence, which the windows of its fences decide, and of its expiry. A layer that is
 * past its `maxLag` counts for as long again, since it hears of no fence while the source is away.
 *
 * Undefined: there is none, or the error is one of the program's own.
 */
export async function staleOnError(
  error: unknown,
  { address, usesShared, budgets, token, freshOnly }: ReadRequest,
  insideLoad: boolean,
  { shared, sharedSight, report }: Pick<ReaderPorts, 'shared' | 'sharedSight' | 'report'>,
): Promise<HeldValue | undefined> {
  const windowMs = address.template.staleIfErrorMs
  const request = { windowMs, token, fresh: freshOnly, insideLoad }
  if (!takesStale(request) || !usesShared || address.kinds === undefined || isProgramsOwn(error)) return undefined
  const { maxLagMs, whenBlind } = budgets.l2
  if (!sharedSight.isWithin({ maxLagMs: maxLagMs + windowMs, whenBlind }, performance.now())) return undefined
  try {
    const seen = await shared.lookUp(keptCopyOf(address), request)
    return 'miss' in seen ? undefined : 'hit' in seen ? seen.hit : seen.stale
  } catch (unreachable) {
    report({ type: 'l2:failed', operation: 'read', error: unreachable })
    return undefined
  }
}

/** To be seen and mended, not to be covered up. */
const isProgramsOwn = (error: unknown): boolean =>
  [CacheClosedError, LoaderCycleError, LoaderEndedError, LoaderMissingError, UnencodableValueError].some(
    (own) => error instanceof own,
  )
