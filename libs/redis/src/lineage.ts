/**
 * Which history of writes a server holds, as it says of itself: its own, and up to some offset that of the master whose
 * place it took.
 */
export interface Lineage {
  readonly id: string
  readonly former: { readonly id: string; readonly end: bigint } | undefined
}

/** Where in which history something was written. */
export interface Written {
  readonly id: string
  /** The master's offset just before. */
  readonly offset: bigint
}

/** Reads `INFO replication`; undefined for a replica, and where the server does not say. */
export function parseLineage(info: string): Lineage | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(\\w+)`, 'm').exec(info)?.[1]
  const id = field('master_replid')
  if (id === undefined || field('role') !== 'master') return undefined
  const formerId = field('master_replid2') ?? NONE
  const former = formerId === NONE ? undefined : { id: formerId, end: BigInt(field('second_repl_offset') ?? 0) }
  return { id, former }
}

/**
 * Did this very server, or the master that it copied, write this before the copy was taken? What was written on another
 * server and came here with a moved slot was not, and says nothing about the rest of what lies here. The test is the one by
 * which Redis itself decides whether a replica may go on (PSYNC).
 */
export const holds = ({ id, former }: Lineage, written: Written): boolean =>
  written.id === id || (written.id === former?.id && written.offset + 1n < former.end)

const NONE = '0'.repeat(40)
