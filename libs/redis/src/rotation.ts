import type { ShardTag } from '@freshet/coherence'
import type { Command } from './connection.js'
import type { Keys } from './keys.js'

const KEYS_PER_DEL = 250 // many a command, since each costs more than a key; few enough to let readers in between

/** The commands that rotate generations: a rotation is a DEL. */
export function rotation(keys: Keys, places: readonly ShardTag[]): Command[] {
  const generations = places.map((place) => keys.generationOf(place))
  return Array.from({ length: Math.ceil(generations.length / KEYS_PER_DEL) }, (_, position): Command => {
    const first = position * KEYS_PER_DEL
    return ['del', ...generations.slice(first, first + KEYS_PER_DEL)]
  })
}
