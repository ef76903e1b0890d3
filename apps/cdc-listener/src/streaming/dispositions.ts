import { MalformedMessageError, UnreadableColumnError } from '@freshet/pgoutput'
import { ReplicationRefusedError } from '@freshet/postgres'

/** What an end of the stream leads to. */
export type Disposition =
  | { readonly then: 'reconnect'; readonly because: string }
  /** The slot's history is gone: a new slot, and a gap over everything. */
  | { readonly then: 'replace-slot'; readonly because: string }
  | { readonly then: 'terminal'; readonly because: string }

const bySqlState: Readonly<Record<string, Disposition>> = {
  '55006': { then: 'reconnect', because: 'another process still reads the slot' },
  '42704': { then: 'replace-slot', because: 'the slot no longer exists' },
  '55000': { then: 'replace-slot', because: 'the slot was invalidated: its log is gone' },
  '58P01': { then: 'replace-slot', because: 'a log segment that the slot needs was removed' },
  '42501': { then: 'terminal', because: 'the role may not replicate; run the statement that preflight prints' },
  '28000': { then: 'terminal', because: 'the server refuses this role; check FRESHET_POSTGRES_URL and pg_hba.conf' },
  '28P01': { then: 'terminal', because: 'the password is wrong; check FRESHET_POSTGRES_URL' },
  '3D000': { then: 'terminal', because: 'the database does not exist; check FRESHET_POSTGRES_URL' },
  '0A000': { then: 'terminal', because: 'the server cannot stream logical changes this way' },
}

/** Why the stream ended -> what to do; connections come and go, so everything unknown is tried again. */
export function dispositionOf(error: unknown): Disposition {
  if (error instanceof MalformedMessageError) return { then: 'reconnect', because: 'a message was malformed' }
  if (error instanceof UnreadableColumnError) return { then: 'terminal', because: error.message }
  const state = sqlStateOf(error)
  return bySqlState[state ?? ''] ?? { then: 'reconnect', because: 'the connection was lost' }
}

function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof ReplicationRefusedError) return error.sqlState
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
