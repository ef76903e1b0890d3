import type { FillRefusal, MissReason } from '@freshet/coherence'
import type { LoadContext } from './loader.js'

/** Where a value came from. */
export type Layer = 'l1' | 'l2' | 'source'

/** Why Redis had no value that could be served. */
export type ReadMiss =
  | MissReason
  /** Nothing was stored under the key, or its time was up. */
  | 'absent'
  /** The bytes could not be read as a value. */
  | 'unreadable'
  /** The catalog is not known to be in force, so that nothing could be judged. */
  | 'not-in-force'
  /** Redis did not answer. */
  | 'unreachable'
  /** The caller asked for other layers only, or reads inside a transaction of its own. */
  | 'not-asked'
  /** Redis is further behind the database than the template's budget allows, or that cannot be told. */
  | 'blind'
  /** Its fences are not known to reach the commit whose token the read carries. */
  | 'behind-token'

/** Why a loaded value was not stored: one of the protocol's rules, or one of these. */
export type StoreRefusal =
  | FillRefusal
  | 'not-in-force'
  /** The record in force names other parameter kinds than those that the key was bound under. */
  | 'kinds-changed'
  | 'unreachable'
  /** It was computed from a value that nothing vouches for (R10). */
  | 'unvouched-part'
  /** Two of its parts saw one tag under two generations (R12). */
  | 'parts-differ'
  /** The loader returned without awaiting a `tag()`. */
  | 'tag-not-awaited'
  /** It inherits more tags than a header may carry. */
  | 'too-many-tags'

/** Why a load went to the primary instead of its standby: what it could not have been stored for, or one of these. */
export type PassedOverReason = StoreRefusal | 'behind-token' | 'standby-failed' | 'load-failed'

/** Why L1 let go of entries. */
export type DropCause = 'fenced' | 'discontinuity' | 'unreadable-record'

/** Why a layer does not answer. */
export type BlindCause = 'never-heard' | 'behind' | 'clock-skew' | 'discontinuity'

/** Everything that a client tells of itself; logs and metrics are made of nothing else. No keys: those have no bound. */
export type Occurrence =
  | { readonly type: 'read:hit'; readonly template: string; readonly layer: 'l1' | 'l2' }
  /** Fenced, and served within its template's window. */
  | { readonly type: 'read:stale'; readonly template: string }
  /** The source failed, and an old value was served instead (`staleIfError`). */
  | { readonly type: 'read:stale-on-error'; readonly template: string; readonly error: unknown }
  | { readonly type: 'read:missed'; readonly template: string; readonly reason: ReadMiss }
  | { readonly type: 'read:joined'; readonly template: string }
  | {
      readonly type: 'load:ended'
      readonly template: string
      readonly source: LoadContext['source']
      readonly durationMs: number
    }
  | {
      readonly type: 'load:failed'
      readonly template: string
      readonly source: LoadContext['source']
      readonly durationMs: number
      readonly error: unknown
    }
  | { readonly type: 'fill:stored'; readonly template: string; readonly encodedBytes: number }
  | { readonly type: 'fill:refused'; readonly template: string; readonly reason: StoreRefusal }
  | {
      readonly type: 'standby:passed-over'
      readonly template: string
      readonly reason: PassedOverReason
      readonly error?: unknown
    }
  | { readonly type: 'l1:dropped'; readonly entries: number; readonly cause: DropCause }
  /** A fence was heard, and what it governs is gone. `committedAt`: of its oldest commit, in milliseconds since 1970. */
  | { readonly type: 'l1:fenced'; readonly tags: number; readonly committedAt?: number }
  | { readonly type: 'l1:sighted' }
  | { readonly type: 'l1:blind'; readonly cause: BlindCause }
  | { readonly type: 'l2:sighted' }
  | { readonly type: 'l2:blind'; readonly cause: BlindCause }
  | { readonly type: 'l1:reader-failed'; readonly error: unknown }
  | { readonly type: 'l2:failed'; readonly operation: string; readonly error: unknown }
  | { readonly type: 'snapshot:failed'; readonly error: unknown }
  /** What was read in one interval could not be published, and is not counted in the fleet. */
  | { readonly type: 'access-stats:failed'; readonly error: unknown }

/** Takes occurrences as they happen, inside the read that they tell of: it must be quick and must not throw. */
export type OccurrenceListener = (occurrence: Occurrence) => void

/** Counts of one template. */
export interface TemplateCounts {
  hits: { l1: number; l2: number }
  /** Served within their window. */
  stale: number
  /** Served because the source failed. */
  staleOnError: number
  missed: Partial<Record<ReadMiss, number>>
  joined: number
  loads: number
  /** Those of `loads` that a standby has answered. */
  loadsFromStandby: number
  failedLoads: number
  stored: number
  refused: Partial<Record<StoreRefusal, number>>
  passedOver: Partial<Record<PassedOverReason, number>>
}

/**
 * Counts occurrences by template, for metrics and tests.
 *
 * @example
 * const counter = new OccurrenceCounter()
 * const cache = await createCache({ ..., onOccurrence: counter.listener })
 * counter.of('balance').hits.l1
 */
export class OccurrenceCounter {
  readonly #templates = new Map<string, TemplateCounts>()

  readonly listener: OccurrenceListener = (occurrence) => {
    if (!('template' in occurrence)) return
    const counts = this.of(occurrence.template)
    switch (occurrence.type) {
      case 'read:hit':
        counts.hits[occurrence.layer]++
        return
      case 'read:stale':
        counts.stale++
        return
      case 'read:stale-on-error':
        counts.staleOnError++
        return
      case 'read:missed':
        counts.missed[occurrence.reason] = (counts.missed[occurrence.reason] ?? 0) + 1
        return
      case 'read:joined':
        counts.joined++
        return
      case 'load:ended':
        counts.loads++
        if (occurrence.source === 'standby') counts.loadsFromStandby++
        return
      case 'load:failed':
        counts.loads++
        counts.failedLoads++
        return
      case 'fill:stored':
        counts.stored++
        return
      case 'fill:refused':
        counts.refused[occurrence.reason] = (counts.refused[occurrence.reason] ?? 0) + 1
        return
      case 'standby:passed-over':
        counts.passedOver[occurrence.reason] = (counts.passedOver[occurrence.reason] ?? 0) + 1
    }
  }

  /** The counts of a template so far; they go on counting. */
  of(template: string): TemplateCounts {
    let counts = this.#templates.get(template)
    if (counts === undefined) {
      counts = {
        hits: { l1: 0, l2: 0 },
        stale: 0,
        staleOnError: 0,
        missed: {},
        joined: 0,
        loads: 0,
        loadsFromStandby: 0,
        failedLoads: 0,
        stored: 0,
        refused: {},
        passedOver: {},
      }
      this.#templates.set(template, counts)
    }
    return counts
  }

  templates(): ReadonlyMap<string, TemplateCounts> {
    return this.#templates
  }
}
