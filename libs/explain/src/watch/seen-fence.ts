import type { GapCause, InvalidationRecord } from '@freshet/events'
import { formatLsn } from '@freshet/pgoutput'
import type { TagRule, TagRules } from '@freshet/planner'
import type { TagFilter } from './tag-filter.js'

/** A commit, for people and machines. */
export interface SeenCommit {
  /** `0/1A2F4C8` */
  readonly lsn: string
  /** Decimal, 64 bit. */
  readonly xid: string
  /** By the database's clock. */
  readonly at: string
}

/** One tag that was fenced. Times as ISO 8601. */
export interface SeenFence {
  readonly tag: string
  readonly shard: number | 'all'
  readonly cause: InvalidationRecord['cause']
  readonly gap?: GapCause
  /** When its generation was rotated. */
  readonly fencedAt: string
  /** The oldest commit among those that were fenced for together. */
  readonly commit?: SeenCommit
  /** From that commit to the fence; of two machines' clocks. */
  readonly commitToFenceMs?: number
  /** What the change or event was of: `member`. */
  readonly entity?: string
  /** The rules on that entity that can fence the tag: one of them did. */
  readonly rules: readonly TagRule[]
}

/** What one record tells of the tags that are watched, one by one. Pure. */
export function seenFences(
  record: InvalidationRecord,
  isWatched: TagFilter,
  rulesOf: TagRules,
  topicPrefix: string,
): readonly SeenFence[] {
  const { tags, shard, cause, gap, commit, batch, fencedAt } = record
  const entity = batch && entityOf(batch.topic, topicPrefix)
  const watched = tags.filter((text) => isWatched({ text, shard }))
  return watched.map((tag) => ({
    tag,
    shard,
    cause,
    ...(gap && { gap }),
    fencedAt: isoOf(fencedAt),
    ...(commit && { commit: seenCommit(commit), commitToFenceMs: fencedAt - commit.at }),
    ...(entity !== undefined && { entity }),
    rules: cause === 'change' || cause === 'event' ? rulesOf({ text: tag, shard }, entity) : [],
  }))
}

/** For people and machines. */
export const seenCommit = ({ lsn, xid, at }: NonNullable<InvalidationRecord['commit']>): SeenCommit => ({
  lsn: formatLsn(lsn),
  xid: String(xid),
  at: isoOf(at),
})

/** `member` of `member.changes.v1`; undefined of a topic that others write: what it is of, its records say. */
function entityOf(topic: string, topicPrefix: string): string | undefined {
  if (!topic.startsWith(topicPrefix)) return undefined
  return /^(.+)\.(?:changes|events)\.v1$/.exec(topic.slice(topicPrefix.length))?.[1]
}

export const isoOf = (ms: number): string => new Date(ms).toISOString()
