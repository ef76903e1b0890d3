import { UnreadableColumnError } from '@freshet/pgoutput'
import { ReplicationRefusedError, type SlotFacts } from '@freshet/postgres'

/** What an end of the stream leads to. */
export type Disposition =
  | { readonly then: 'reconnect'; readonly because: string }
  /** The stream goes on with values as text. */
  | { readonly then: 'reconnect-as-text'; readonly because: string }
  /** The slot's history is gone: a new slot, and a gap over everything. */
  | { readonly then: 'replace-slot'; readonly because: string }
  | { readonly then: 'terminal'; readonly because: string }

const bySqlState: Readonly<Record<string, Disposition>> = {
  '55006': { then: 'reconnect', because: 'another process still reads the slot' },
  '57P01': { then: 'reconnect', because: 'the server or an operator ended the connection' },
  '57P02': { then: 'reconnect', because: 'the server crashed' },
  '57P03': { then: 'reconnect', because: 'the server starts up or shuts down' },
  '53300': { then: 'reconnect', because: 'the server has no free connection; max_wal_senders may be too low' },
  '42704': { then: 'replace-slot', because: 'a publication did not exist yet at this point of the log' },
  '58P01': { then: 'replace-slot', because: 'a log segment that the slot needs was removed' },
  '55000': { then: 'terminal', because: 'the server cannot decode its log; set wal_level = logical and restart it' },
  '42501': { then: 'terminal', because: 'the role may not replicate; run the statement that preflight prints' },
  '28000': { then: 'terminal', because: 'the server refuses this role; check FRESHET_POSTGRES_URL and pg_hba.conf' },
  '28P01': { then: 'terminal', because: 'the password is wrong; check FRESHET_POSTGRES_URL' },
  '3D000': { then: 'terminal', because: 'the database does not exist; check FRESHET_POSTGRES_URL' },
  '0A000': { then: 'terminal', because: 'the server cannot stream logical changes this way' },
}

const byClass: readonly (readonly [new (...parts: never[]) => Error, Disposition])[] = [
  [UnreadableColumnError, { then: 'reconnect-as-text', because: 'a value came in a binary form that is not known' }],
]

/**
 * Why the stream ended -> what to do. `slot` is what the server says of it after it refused to stream; undefined: there
 * is none. Connections come and go, so everything unknown is tried again.
 */
export function dispositionOf(error: unknown, slot: SlotFacts | undefined): Disposition {
  for (const [type, disposition] of byClass) if (error instanceof type) return disposition
  if (error instanceof ReplicationRefusedError) {
    if (!slot) return { then: 'replace-slot', because: 'the slot no longer exists' }
    if (slot.invalidated) return { then: 'replace-slot', because: `the slot was invalidated: ${slot.invalidated}` }
  }
  const known = bySqlState[sqlStateOf(error) ?? '']
  return known ?? { then: 'reconnect', because: error instanceof Error ? error.message : 'the connection was lost' }
}

function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof ReplicationRefusedError) return error.sqlState
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
