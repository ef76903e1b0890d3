import { isTemplateTag } from '@freshet/cache-keys'
import { newGeneration, type ShardTag } from '@freshet/coherence'
import { call } from './connection.js'
import type { Keys } from './keys.js'
import { rotateWithWindowsScript } from './scripts.js'
import type { Addressed, Master, Topology } from './topology.js'

/** A tag whose generation is to end, and the windows that this opens, in milliseconds. */
export interface Rotated extends ShardTag {
  readonly windowsMs?: readonly number[] | undefined
}

const KEYS_PER_DEL = 250 // many a command, since each costs more than a key; few enough to let readers in between

/**
 * The commands that rotate generations: a rotation is a DEL, or where it opens windows a script. On a Cluster each takes
 * the keys of one shard, and a template's generation gets a successor at once: a deletion is forgotten where a shard comes
 * back to a master that still has an older state of it, a successor goes with the shard and replaces it (docs/decisions/020).
 */
export function rotation(keys: Keys, topology: Topology, rotated: readonly Rotated[]): Addressed[] {
  const [succeeded, ended] = parted(rotated, ({ tag }) => topology.isCluster && isTemplateTag(tag))
  const deleted = ended.filter(({ windowsMs }) => windowsMs === undefined)
  return [
    ...deletions(keys, topology, deleted),
    ...ended.flatMap((each) => opening(keys, topology, each)),
    ...succeeded.map((each) => succession(keys, topology, each)),
  ]
}

/** It does not expire: there is one for each template and shard, where a gap or a fence of the template has come by. */
const succession = (keys: Keys, topology: Topology, { shard, tag }: Rotated): Addressed => ({
  master: topology.masterOf(shard),
  command: ['set', keys.generation(shard, tag), newGeneration()],
})

function opening(keys: Keys, topology: Topology, { shard, tag, windowsMs }: Rotated): Addressed[] {
  if (windowsMs === undefined) return []
  const parameters = [keys.windowsOf(shard, tag), ...windowsMs.map(String)]
  const command = call(rotateWithWindowsScript, keys.generation(shard, tag), ...parameters)
  return [{ master: topology.masterOf(shard), command }]
}

function deletions(keys: Keys, topology: Topology, places: readonly ShardTag[]): Addressed[] {
  const [master] = topology.masters
  if (!topology.isCluster && master) return inChunks(places.map((place) => keys.generationOf(place))).map(del(master))
  const byShard = Map.groupBy(places, ({ shard }) => shard)
  return Array.from(byShard).flatMap(([shard, ofShard]) =>
    inChunks(ofShard.map((place) => keys.generationOf(place))).map(del(topology.masterOf(shard))),
  )
}

const del =
  (master: Master) =>
  (generations: readonly string[]): Addressed => ({ master, command: ['del', ...generations] })

function parted<T>(all: readonly T[], isFirst: (each: T) => boolean): readonly [T[], T[]] {
  const [first, second]: [T[], T[]] = [[], []]
  for (const each of all) (isFirst(each) ? first : second).push(each)
  return [first, second]
}

const inChunks = (all: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(all.length / KEYS_PER_DEL) }, (_, position) => {
    const first = position * KEYS_PER_DEL
    return all.slice(first, first + KEYS_PER_DEL)
  })
