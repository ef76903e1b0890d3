import type { CapturedRecent, Floor, RecentTransaction } from '@freshet/coherence'
import { lsn, xid, type Lsn } from '@freshet/pgoutput'

/** The fields of a recent record that are not transactions. */
const named = new Set(['life', 'floor', 'pruned'])

/** Reads a recent record's hash: `<xid>` -> `<lsn>`, `floor`, `pruned`, `life`. No field at all: it is missing. */
export function parseRecent(fields: Readonly<Record<string, string>>): CapturedRecent {
  const names = Object.keys(fields)
  return {
    missing: names.length === 0,
    transactions: names.filter((name) => !named.has(name)).map((name) => transaction(name, fields[name] ?? '')),
    pruned: parsePruned(fields['pruned']),
    floor: parseFloor(fields['floor']),
  }
}

const transaction = (id: string, position: string): RecentTransaction => ({
  xid: xid(BigInt(id)),
  lsn: lsn(BigInt(position)),
})

const parsePruned = (text: string | undefined): Lsn | undefined => (text === undefined ? undefined : lsn(BigInt(text)))

function parseFloor(text: string | undefined): Floor | undefined {
  if (text === undefined) return undefined
  return text === 'inf' ? 'infinity' : xid(BigInt(text))
}
