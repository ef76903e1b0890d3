import type { Lineage } from '@freshet/coherence'

/** Reads `INFO replication`; undefined for a replica, and where the server does not say. */
export function parseLineage(info: string): Lineage | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(\\w+)`, 'm').exec(info)?.[1]
  const id = field('master_replid')
  if (id === undefined || field('role') !== 'master') return undefined
  const formerId = field('master_replid2') ?? NONE
  const former = formerId === NONE ? undefined : { id: formerId, end: BigInt(field('second_repl_offset') ?? 0) }
  return { id, former }
}

const NONE = '0'.repeat(40)
