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

type Named = Pick<RankedKey, 'owner' | 'template' | 'key'>

/** The keys that are read, hot or not. */
export interface Ranking {
  /** Those that are read most. */
  top(most: number): readonly RankedKey[]
  /** Undefined where no read of it is reported. */
  find(key: Named): RankedKey | undefined
}

/** Finds one key among those that are read. */
export function accessesOf(ranking: Ranking, { windowMs }: Pick<HotKeysSettings, 'windowMs'>, key: Named): KeyAccesses {
  const found = ranking.find(key)
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

  find(key: Named): RankedKey | undefined {
    return this.#keys.find(key)
  }
}

/** Where clients report. */
export const reportsTopic = (topicPrefix: string): string => topics(topicPrefix).accessStats
