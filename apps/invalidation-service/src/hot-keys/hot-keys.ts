import { FleetKeys, type AccessReport, type HotRule, type RankedKey } from '@freshet/hot-keys'

/** What is hot: among the fleet's so many hottest, and read more often than this in the window. */
export interface HotKeysSettings extends HotRule {
  readonly windowMs: number
}

/** A hot key: its text, its template, how often it was read in the window, and its rank, 1 for the hottest. */
export type HotKey = Omit<RankedKey, 'hot'>

const KEPT_MS = 1_000

/** Which keys the fleet reads most, as far as its clients have reported. After a start that is less than there is, for a moment. */
export class HotKeys {
  readonly #keys: FleetKeys
  #hot: readonly HotKey[] = []
  #countedAtMs = -Infinity
  #isCounted = true

  /** `clockMs`: monotonic. */
  constructor(
    { windowMs, ...rule }: HotKeysSettings,
    private readonly clockMs: () => number = () => performance.now(),
  ) {
    this.#keys = new FleetKeys(rule, { windowMs })
  }

  add(report: AccessReport): void {
    this.#keys.add(report, Date.now())
    this.#isCounted = false
  }

  /** The keys that are read most, hot or not; counted anew. */
  top(most: number): readonly RankedKey[] {
    return this.#keys.top(most)
  }

  /** One key; undefined where nobody reported a read of it. */
  find(key: Pick<RankedKey, 'owner' | 'template' | 'key'>): RankedKey | undefined {
    return this.#keys.find(key)
  }

  /** The hottest first; up to a second old. */
  hot(): readonly HotKey[] {
    const nowMs = this.clockMs()
    if (!this.#isCounted && nowMs - this.#countedAtMs >= KEPT_MS) {
      this.#hot = this.#keys.hot().map(({ hot: _always, ...key }) => key)
      this.#countedAtMs = nowMs
      this.#isCounted = true
    }
    return this.#hot
  }
}
