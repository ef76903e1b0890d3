import type { GapCause } from '@freshet/events'
import type { Lsn } from '@freshet/pgoutput'

/** What happens to the stream, one typed record an occurrence; logs and metrics listen. */
export interface StreamOccurrences {
  'stream:connected': { readonly slotName: string; readonly from: Lsn }
  'stream:lost': { readonly slotName: string; readonly error: unknown; readonly retryInMs: number }
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
  'message:unusable': { readonly reason: string; readonly harmless: boolean }
  'snapshot:failed': { readonly error: unknown }
}
