import { formatLsn } from '@freshet/pgoutput'
import type { Occurrences } from '@freshet/service-kit'
import type { Logger } from 'pino'
import type { ListenerOccurrences } from '../listener.js'

/** What an operator reads. Watermarks and batches come several times a second: metrics tell those. */
export function listenToLog(occurrences: Occurrences<ListenerOccurrences>, log: Logger): void {
  occurrences.on('preflight:warned', ({ message }) => log.warn({}, message))
  occurrences.on('stream:connected', ({ slotName, from }) => log.info({ slotName, from: formatLsn(from) }, 'streaming'))
  occurrences.on('stream:lost', ({ error, retryInMs }) => log.warn({ err: error, retryInMs }, 'the stream was lost'))
  occurrences.on('stream:terminal', ({ reason }) => log.fatal({ reason }, 'the stream ended for good'))
  occurrences.on('publish:failed', ({ error, records, attempt, retryInMs }) =>
    log.warn({ err: error, records, attempt, retryInMs }, 'Kafka did not acknowledge a batch; it is sent again'),
  )
  occurrences.on('gap:published', ({ cause, partitions }) => log.info({ cause, partitions }, 'gap announced'))
  occurrences.on('message:unusable', ({ reason, harmless }) =>
    log.warn({ harmless }, `an emitted message is unusable: ${reason}`),
  )
  occurrences.on('snapshot:failed', ({ error }) => log.warn({ err: error }, 'no snapshot for a watermark'))
  occurrences.on('admission:failed', ({ error, retryInMs }) =>
    log.warn({ err: error, retryInMs }, 'admission is tried again'),
  )
  occurrences.on('admission', (occurrence) => {
    const { kind, ...facts } = occurrence
    if (occurrence.kind === 'catalog:refused') log.warn(facts, kind)
    else log.info('lsn' in occurrence ? { ...facts, lsn: formatLsn(occurrence.lsn) } : facts, kind)
  })
}
