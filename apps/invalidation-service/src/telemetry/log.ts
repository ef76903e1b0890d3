import { formatLsn } from '@freshet/pgoutput'
import type { Occurrences } from '@freshet/service-kit'
import type { Logger } from 'pino'
import type { InvalidationOccurrences } from '../occurrences.js'

/** What an operator reads; batches come many times a second, metrics tell those. */
export function listenToLog(occurrences: Occurrences<InvalidationOccurrences>, log: Logger): void {
  occurrences.on('gap:applied', (facts) => log.info(facts, 'gap applied'))
  occurrences.on('record:dead-lettered', (facts) =>
    log.error({ ...facts, offset: String(facts.offset) }, 'a record is unreadable'),
  )
  occurrences.on('shards:recovered', (facts) =>
    log.info(facts, 'recent records were missing and are back, behind a floor'),
  )
  occurrences.on('catalog:in-force', ({ lsn, ...facts }) =>
    log.info({ ...facts, lsn: formatLsn(lsn) }, 'catalog in force'),
  )
  occurrences.on('catalog:unknown', (facts) => log.warn(facts, 'a catalog is announced that nobody registered'))
  occurrences.on('connector:missing', (facts) =>
    log.warn(
      facts,
      "a connector's slot is not there: reads of what its topics govern go to the source until it is back",
    ),
  )
  occurrences.on('upkeep:failed', ({ step, error }) =>
    log.warn({ step, err: error }, 'upkeep failed; it is tried again'),
  )
}
