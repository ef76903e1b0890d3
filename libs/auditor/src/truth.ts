import { encode, type Cache } from '@freshet/cache'
import type { TypedKey } from '@freshet/catalog'
import type { SnapshotPool } from './snapshot-pool.js'
import type { Truth } from './verdict.js'

/** Loads a key twice under one snapshot, past every layer; a value that is not the same both times cannot be judged by. */
export async function truthOf(cache: Cache, snapshots: SnapshotPool, key: TypedKey): Promise<Truth> {
  const load = async (): Promise<string> => encode((await cache.peek('source', key))?.value).toString()
  try {
    const { result, statements } = await snapshots.under(async () => [await load(), await load()] as const)
    const [first, second] = result
    if (first === second) return { encoded: first }
    return { excluded: statements > 0 ? 'not-deterministic' : 'moving' }
  } catch (error) {
    return { excluded: 'load-failed', error }
  }
}
