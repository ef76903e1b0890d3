import { randomBytes } from 'node:crypto'

/** A tag in its shard; a template's tag lies in every shard, and is named once for each. */
export interface ShardTag {
  readonly shard: number
  readonly tag: string
}

/** A tag with the generation that it had when it was captured or validated. */
export interface TagGeneration extends ShardTag {
  readonly generation: string
}

/** A new generation: 64 random bits as 16 hexadecimal digits, so that no two states of a tag share one. */
export const newGeneration = (): string => randomBytes(8).toString('hex')

/** One text for a tag in its shard, to key maps with. */
export const shardTagText = ({ shard, tag }: ShardTag): string => `${shard}/${tag}`
