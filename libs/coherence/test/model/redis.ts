import type { AppliedWatermark, RecentRecord, TagGeneration, ValueHeader } from '../../src/index.js'
import { rowCount, type Versions } from './database.js'

export const shardCount = 2
export const templateTag = 'T'
/** Where a row's key lies. */
export const shardOf = (row: number): number => row % shardCount

/** A value: the versions of the rows that it was computed from; undefined for the others. */
export type Value = readonly (number | undefined)[]

export interface Stored {
  readonly header: ValueHeader
  readonly value: Value
}

/** All that one Redis holds. */
interface Content {
  readonly generations: Map<string, string>
  readonly records: (RecentRecord | undefined)[]
  readonly values: Map<string, Stored>
  cursor: number | undefined
  applied: AppliedWatermark | undefined
  inForce: boolean
  /** For the judge: the version of each row whose fence this content holds. Survives a flush, which takes the values along. */
  readonly fenced: number[]
}

const copyOf = (content: Content): Content => ({
  ...content,
  generations: new Map(content.generations),
  records: [...content.records],
  values: new Map(content.values),
  fenced: [...content.fenced],
})

const empty = (fenced: Versions): Content => ({
  generations: new Map(),
  records: new Array<undefined>(shardCount).fill(undefined),
  values: new Map(),
  cursor: undefined,
  applied: undefined,
  inForce: false,
  fenced: [...fenced],
})

/** One Redis, whose replica has a copy of some moment before. */
export class Redis {
  content: Content = empty(new Array<number>(rowCount).fill(0))
  /** Raised by each loss of connections. */
  connection = 1
  failovers = 0
  private replica = copyOf(this.content)
  private names = 0

  /** As after a while of use: nothing is missing, and nothing has happened lately. */
  beginCalmly(inForce: boolean): void {
    const { content } = this
    for (let shard = 0; shard < shardCount; shard++) content.records[shard] = calmRecord(this.newName())
    content.cursor = 0
    content.inForce = inForce
    this.replicate()
  }

  newName(): string {
    return `${(this.names += 1)}`
  }

  replicate(): void {
    this.replica = copyOf(this.content)
  }

  /** The replica takes over: what only the lost node knew is gone, and every connection with it. */
  failOver(): void {
    this.content = copyOf(this.replica)
    this.connection += 1
    this.failovers += 1
  }

  restartEmpty(): void {
    this.flush()
    this.connection += 1
  }

  flush(): void {
    this.content = empty(this.content.fenced)
  }

  generation(shard: number, tag: string): string | undefined {
    return this.content.generations.get(`${shard}/${tag}`)
  }

  /** SET NX, and what is there then. */
  createGeneration(shard: number, tag: string): string {
    const known = this.generation(shard, tag)
    if (known !== undefined) return known
    const name = this.newName()
    this.content.generations.set(`${shard}/${tag}`, name)
    return name
  }

  rotate(shard: number, tag: string): void {
    this.content.generations.delete(`${shard}/${tag}`)
  }

  /** For the judge: from here on no read may show an older version of the row. */
  promise(row: number, version: number): void {
    this.content.fenced[row] = Math.max(this.content.fenced[row] ?? 0, version)
  }

  /** Any key may go at any time. */
  evict(choice: number): void {
    const { content } = this
    const kind = choice % 10
    const nth = Math.floor(choice / 10)
    if (kind < 3) deleteNth(content.generations, nth)
    else if (kind < 5) deleteNth(content.values, nth)
    else if (kind < 8) content.records[nth % shardCount] = undefined
    else content.cursor = undefined
  }
}

function deleteNth<T>(map: Map<string, T>, nth: number): void {
  const key = [...map.keys()][nth % Math.max(1, map.size)]
  if (key !== undefined) map.delete(key)
}

export const calmRecord = (life: string): RecentRecord => ({
  life,
  transactions: new Map(),
  pruned: undefined,
  floor: undefined,
})

/** The tags that a fence of a row rotates: its key's, or the whole template's, in every shard. */
export const tagsOfFence = (row: number, wholeTemplate: boolean): readonly (readonly [shard: number, tag: string])[] =>
  wholeTemplate
    ? Array.from({ length: shardCount }, (_, shard) => [shard, templateTag] as const)
    : [[shardOf(row), keyOf(row)]]

export const keyOf = (row: number): string => `k${row}`

export const generationsOf = (tags: readonly TagGeneration[]): readonly string[] =>
  tags.map(({ generation }) => generation)
