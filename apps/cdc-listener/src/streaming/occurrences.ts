import type { GapCause } from '@freshet/events'
import type { Lsn } from '@freshet/pgoutput'
import type { UnusableMessage } from './transaction-reader.js'

/** What happens to the stream, one typed record an occurrence; logs and metrics listen. */
export interface StreamOccurrences {
  'stream:connected': {
    readonly slotName: string
    readonly from: Lsn
    readonly systemId: string
    readonly timeline: number
  }
  'stream:lost': {
    readonly slotName: string
    readonly error: unknown
    /** In words, from the table of dispositions. */
    readonly because: string
    readonly retryInMs: number
  }
  'stream:terminal': { readonly reason: string }
  /** A batch that Kafka has acknowledged. */
  'change:published': { readonly records: number; readonly tookMs: number }
  'publish:failed': {
    readonly records: number
    readonly attempt: number
    readonly error: unknown
    readonly retryInMs: number
  }
  'watermark:published': { readonly lsn: Lsn; readonly partitions: number; readonly databaseTimeMs: number }
  'gap:published': { readonly cause: GapCause; readonly partitions: number }
  'message:unusable': UnusableMessage
  'snapshot:failed': { readonly error: unknown }
}
