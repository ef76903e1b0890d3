/** Into how many shards a namespace is cut. Part of every physical key: it can never change. */
export const SHARDS = 1024

/**
 * The shard of a bound routing prefix (`member:42`): FNV-1a over UTF-16 code units, mixed by MurmurHash3's 32-bit
 * finalizer (FNV's low bits alone spread short texts badly), modulo 1,024.
 *
 * Sources: Fowler, Noll, Vo, "FNV-1a" (http://www.isthe.com/chongo/tech/comp/fnv); A. Appleby, MurmurHash3 `fmix32`.
 */
export function shardOf(routingText: string): number {
  let hash = 0x811c9dc5
  for (let position = 0; position < routingText.length; position++)
    hash = Math.imul(hash ^ routingText.charCodeAt(position), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) & (SHARDS - 1)
}
