import type { Tag } from '@freshet/cache-keys'
import type { Commit, Plan, Refresh } from '@freshet/planner'
import { shardFences, type ShardFence } from '@freshet/redis'

/** What clients are told: the tags of one shard, or of all of them, and the oldest commit among their causes. */
export interface Announcement {
  readonly shard: number | 'all'
  readonly tags: readonly string[]
  /** Absent where none of them names its transaction. */
  readonly commit?: Commit
}

/**
 * A template's tag under more transactions than this is fenced behind a floor instead: each transaction is a field in the
 * record of every shard (500 of them took Redis seconds), where a floor is one, and stands for all that were begun.
 */
const crowd = 8

/** Tags are announced in records of about so many characters: a broker refuses a record of 1 MiB. */
const announcedCharacters = 200_000

interface MergedFence {
  readonly tag: Tag
  readonly commits: Map<bigint, Commit>
  /** Undefined while every cause has lease strength: then the fence only rotates. */
  oldest: Commit | undefined
  /** Some record that asks for it may have been applied before. */
  isRepeat: boolean
}

/** The windows that the rotation of a tag opens, in milliseconds. */
export type WindowsOf = (tag: Tag, isRepeat: boolean) => readonly number[]

/** Collects the plans of one batch: each tag once with its transactions, each refresh and each eviction once. */
export class MergedFences {
  private readonly fences = new Map<string, MergedFence>()
  private readonly refreshesByKey = new Map<string, Refresh>()
  private readonly evictionKeys = new Set<string>()

  /** Without a commit the fence has lease strength. */
  add(plan: Plan, commit: Commit | undefined, isRepeat: boolean): void {
    for (const { tag } of plan.fences) this.fence(tag, commit, isRepeat)
    for (const key of plan.evictions) this.evictionKeys.add(key)
    for (const refresh of plan.refreshes)
      this.refreshesByKey.set(`${refresh.owner} ${refresh.template} ${refresh.key}`, refresh) // services may share a text
  }

  fence(tag: Tag, commit: Commit | undefined, isRepeat: boolean): void {
    const identity = `${tag.shard} ${tag.text}` // one text can be two tags: differently cut templates lie in different shards
    const merged = this.fences.get(identity)
    if (!merged) {
      const commits = new Map(commit && [[commit.xid, commit] as const])
      this.fences.set(identity, { tag, commits, oldest: commit, isRepeat })
      return
    }
    merged.isRepeat ||= isRepeat
    if (commit === undefined) return
    merged.commits.set(commit.xid, commit)
    if (merged.oldest === undefined || commit.at < merged.oldest.at) merged.oldest = commit
  }

  get isEmpty(): boolean {
    return this.fences.size === 0 && this.evictionKeys.size === 0
  }

  /** Each once. */
  get tags(): readonly Tag[] {
    return [...this.fences.values()].map(({ tag }) => tag)
  }

  get tagCount(): number {
    return this.fences.size
  }

  /** The first of the commits that fenced something; undefined when none did. */
  get oldestCommit(): Commit | undefined {
    return oldestOf([...this.fences.values()].map((fence) => fence.oldest))
  }

  get evictions(): readonly string[] {
    return [...this.evictionKeys]
  }

  get refreshes(): readonly Refresh[] {
    return [...this.refreshesByKey.values()]
  }

  get announcements(): readonly Announcement[] {
    const byShard = Map.groupBy(this.fences.values(), ({ tag }) => tag.shard)
    return [...byShard].flatMap(([shard, fences]) =>
      inParts(fences).map((part) => {
        const commit = oldestOf(part.map((fence) => fence.oldest))
        return { shard, tags: part.map(({ tag }) => tag.text), ...(commit && { commit }) }
      }),
    )
  }

  /** Tags of templates that need a floor (R9) in every shard; `shardFences` leaves them out. */
  get crowded(): readonly Tag[] {
    return [...this.fences.values()].filter(isCrowded).map(({ tag }) => tag)
  }

  shardFences(windowsOf: WindowsOf): readonly ShardFence[] {
    return shardFences(
      [...this.fences.values()]
        .filter((fence) => !isCrowded(fence))
        .map(({ tag, commits, isRepeat }) => ({
          tag,
          transactions: [...commits.values()],
          windowsMs: windowsOf(tag, isRepeat),
        })),
    )
  }
}

const isCrowded = ({ tag, commits }: MergedFence): boolean => tag.shard === 'all' && commits.size > crowd

function inParts(fences: readonly MergedFence[]): MergedFence[][] {
  const parts: MergedFence[][] = []
  let characters = Infinity
  for (const fence of fences) {
    characters += fence.tag.text.length
    if (characters > announcedCharacters) {
      parts.push([])
      characters = fence.tag.text.length
    }
    parts.at(-1)?.push(fence)
  }
  return parts
}

const oldestOf = (commits: readonly (Commit | undefined)[]): Commit | undefined =>
  commits.reduce((oldest, commit) => (!commit || (oldest && oldest.at <= commit.at) ? oldest : commit), undefined)
