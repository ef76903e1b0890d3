import type { Cache, Reading } from '@freshet/cache'
import { encode } from '@freshet/cache'
import type { TypedKey } from '@freshet/catalog'
import type { Seen } from './verdict.js'

/** A layer that is compared with the database. */
export interface AuditedLayer {
  /** `l1`, `l2`, or what an outer one is called. */
  readonly name: string
  /** One pass over keys in use; those of which only a digest is left go to `onDigest`. */
  keys(onDigest: (keyText: string) => void): AsyncIterable<TypedKey> | Iterable<TypedKey>
  /** As a plain client would read it; undefined where the layer has no answer. */
  read(key: TypedKey): Promise<Seen | undefined>
}

/** The memory of the process that `cache` lives in. */
export const memoryOf = (cache: Cache): AuditedLayer => ({
  name: 'l1',
  keys: () => cache.keysInL1(),
  read: async (key) => seenIn(await cache.peek('l1', key)),
})

/**
 * Redis, for the catalog of `cache`. With `remembers` what was read there goes into the process's memory afterwards, as it
 * does for every reader, so that the memory has something to be audited.
 */
export const redisOf = (cache: Cache, { remembers = false } = {}): AuditedLayer => ({
  name: 'l2',
  keys: (onDigest) => cache.keysInL2(onDigest),
  read: async (key) => {
    const seen = seenIn(await cache.peek('l2', key))
    if (seen && remembers) await cache.read(key)
    return seen
  },
})

const seenIn = (reading: Reading<unknown> | undefined): Seen | undefined =>
  reading && { encoded: encode(reading.value).toString(), loadedAtMs: reading.loadedAtMs }
