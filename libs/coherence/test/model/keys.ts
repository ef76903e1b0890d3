import { shardTagText, type ShardTag } from '../../src/index.js'

export const rowCount = 2
export const shardCount = 2

/** What a service caches. */
export interface Key {
  readonly text: string
  readonly shard: number
  /** The rows that its value is made of. */
  readonly rows: readonly number[]
  /** The tags that its template requires. */
  readonly tags: readonly ShardTag[]
  /** Its value is computed from other keys' values, or from rows whose tags it names. */
  readonly isComputed: boolean
}

const template = 'T'
const key = (text: string, shard: number, rows: readonly number[], isComputed = false): Key => ({
  text,
  shard,
  rows,
  tags: [
    { shard, tag: text },
    { shard, tag: template },
  ],
  isComputed,
})

const ofRows = Array.from({ length: rowCount }, (_, row) => key(`k${row}`, row % shardCount, [row]))
const sum = key('sum', 0, [0, 1], true)

export const everyKey: readonly Key[] = [...ofRows, sum]

/** The key of one row. */
export function keyOfRow(row: number): Key {
  const found = ofRows[row]
  if (!found) throw new RangeError(`there is no row ${row}`)
  return found
}

/** Where the promise that a fence of this row makes is kept: with the tags that hold it. */
export const shardOf = (row: number): number => keyOfRow(row).shard

export const everyShard: readonly number[] = Array.from({ length: shardCount }, (_, shard) => shard)

/** The place of the namespace's own state. */
export const namespacePlace = shardCount
export const everyPlace: readonly number[] = [...everyShard, namespacePlace]

export const templateTags: readonly ShardTag[] = everyShard.map((shard) => ({ shard, tag: template }))

/** The tags that a fence of a row rotates: its key's, or the whole template's, in every shard. */
export const tagsOfFence = (row: number, wholeTemplate: boolean): readonly ShardTag[] =>
  wholeTemplate ? templateTags : keyOfRow(row).tags.slice(0, 1)

export const nameOf = shardTagText
