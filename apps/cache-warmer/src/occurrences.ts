import type { AuditOccurrence } from '@freshet/auditor'
import type { Occurrences } from '@freshet/service-kit'
import type { Breaker } from './pace/breaker.js'
import type { Pace } from './pace/pool-pace.js'
import type { DeadLetter } from './queue/refill-worker.js'
import type { RefillEnded } from './warmer.js'

/** Injects the warmer's occurrences. */
export const OCCURRENCES = Symbol('what happens in the warmer')

/** What happens in this service; the log and the metrics listen. */
export type WarmerOccurrences = Occurrences<{
  'refill:ended': RefillEnded
  'job:dead': DeadLetter
  'pace:set': Pace
  /** How far the standby is behind that is furthest. */
  'standbys:measured': { readonly lagBytes: number }
  'breaker:moved': { readonly template: string; readonly at: Breaker['at'] }
  'queue:warned': { readonly message: string }
  'queue:broke': { readonly error: Error }
  'audit:occurred': AuditOccurrence
  'request:unreadable': { readonly partition: number; readonly offset: bigint; readonly error: unknown }
}>
