import { topics, type Decoded } from '@freshet/events'
import { FleetKeys, type AccessReport, type HotRule, type RankedKey } from '@freshet/hot-keys'

/** What is hot, as the invalidation service is told by its settings. */
export interface HotKeysSettings extends HotRule {
  readonly windowMs: number
}

/** How often all services together have read a key, as far as they report it. */
export interface KeyAccesses {
  readonly hot: boolean
  /** In the window; 0 also for a key that no process counts among those that it reads most. */
  readonly reads: number
  /** 1 is the hottest; left out without reads. */
  readonly rank?: number
  readonly windowMs: number
}

/** The keys that are read most, hot or not. */
export interface Ranking {
  top(most: number): readonly RankedKey[]
}

/** More than are ever counted. */
const all = 1_000_000

/** Finds one key among those that are read most. */
export function accessesOf(
  ranking: Ranking,
  { windowMs }: Pick<HotKeysSettings, 'windowMs'>,
  { owner, template, key }: Pick<RankedKey, 'owner' | 'template' | 'key'>,
): KeyAccesses {
  const found = ranking.top(all).find((each) => each.key === key && each.template === template && each.owner === owner)
  if (!found) return { hot: false, reads: 0, windowMs }
  return { hot: found.hot, reads: found.count, rank: found.rank, windowMs }
}

/** Ranks what clients have reported, record by record. */
export class ReportedReads implements Ranking {
  readonly #keys: FleetKeys

  constructor({ windowMs, ...rule }: HotKeysSettings) {
    this.#keys = new FleetKeys(rule, { windowMs })
  }

  take(record: Decoded): void {
    if (record.kind === 'access-stats') this.#keys.add(record satisfies AccessReport, Date.now())
  }

  top(most: number): readonly RankedKey[] {
    return this.#keys.top(most)
  }
}

/** Where clients report. */
export const reportsTopic = (topicPrefix: string): string => topics(topicPrefix).accessStats
