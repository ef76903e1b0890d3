import { defaultHotRule, FleetWindow, type FleetWindowOptions, type HotRule } from './fleet-window.js'

/** What one client reports of an interval. */
export interface AccessReport {
  /** Of the catalog whose templates are named. */
  readonly owner: string
  /** When the interval ended, in milliseconds since 1970. */
  readonly endedAt: number
  readonly keys: readonly { readonly template: string; readonly key: string; readonly count: number }[]
}

/** A key of the fleet, with how often it was read in the window. */
export interface RankedKey {
  /** The key's text. */
  readonly key: string
  readonly owner: string
  /** The template's name in its owner's catalog. */
  readonly template: string
  readonly count: number
  /** 1 is the hottest. */
  readonly rank: number
  readonly hot: boolean
}

/** Line breaks are escaped in keys, and names have none. */
const SEPARATOR = '\n'

/** The keys that all clients report, of every catalog, over a sliding window. */
export class FleetKeys {
  readonly #window: FleetWindow

  constructor(
    private readonly rule: HotRule = defaultHotRule,
    options: FleetWindowOptions = {},
  ) {
    this.#window = new FleetWindow(options)
  }

  /** A client whose clock is ahead of `nowMs` counts as of now: it must not end the window of all others. */
  add({ owner, endedAt, keys }: AccessReport, nowMs: number): void {
    const counts = keys.map(({ template, key, count }) => ({
      key: nameOf(owner, template, key),
      count,
    }))
    this.#window.add(Math.min(endedAt, nowMs), counts)
  }

  /** The hot keys, the hottest first. */
  hot(): readonly RankedKey[] {
    return this.#ranked(this.rule)
  }

  /** One key; undefined where nobody reported a read of it. Costs a walk over all keys. */
  find({ owner, template, key }: Pick<RankedKey, 'owner' | 'template' | 'key'>): RankedKey | undefined {
    const named = nameOf(owner, template, key)
    const rank = this.#window.rank(named)
    if (rank === undefined) return undefined
    const count = this.#window.count(named)
    return { key, owner, template, count, rank, hot: this.#isHot(rank, count) }
  }

  /** The keys that are read most, hot or not. */
  top(most: number): readonly RankedKey[] {
    return this.#ranked({ among: most, moreThan: 0 })
  }

  #ranked(wanted: HotRule): readonly RankedKey[] {
    return this.#window.hot(wanted).map(({ key: named, count }, at) => {
      const [owner = '', template = '', key = ''] = named.split(SEPARATOR, 3)
      return { key, owner, template, count, rank: at + 1, hot: this.#isHot(at + 1, count) }
    })
  }

  #isHot(rank: number, count: number): boolean {
    return rank <= this.rule.among && count > this.rule.moreThan
  }
}

const nameOf = (owner: string, template: string, key: string): string =>
  `${owner}${SEPARATOR}${template}${SEPARATOR}${key}`
