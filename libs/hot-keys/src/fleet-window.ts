import type { KeyCount } from './access-counter.js'

export interface FleetWindowOptions {
  /** How long reads count, in milliseconds; an hour by default. */
  readonly windowMs?: number
  /** Into how many slots it is cut: it slides by one at a time; 60 by default. */
  readonly slots?: number
  /** Keys at most; 50,000 by default. Those read least give way. */
  readonly maxKeys?: number
}

/** A key is hot when it is among the fleet's so many hottest AND was read more often than this in the window. */
export interface HotRule {
  readonly among: number
  readonly moreThan: number
}

export const defaultHotRule: HotRule = { among: 1_000, moreThan: 100 }

/** What was reported of a key, by slot. */
interface Row {
  total: number
  readonly counts: Uint32Array
}

/**
 * Adds up what all processes report, over a sliding window. It forgets by the clock of the reports alone, so that reading
 * the same reports again, after a restart, makes the same window.
 */
export class FleetWindow {
  readonly #rows = new Map<string, Row>()
  readonly #slotMs: number
  readonly #slots: number
  readonly #maxKeys: number
  /** The newest slot, counted from 1970. */
  #newest = 0

  constructor({ windowMs = 3_600_000, slots = 60, maxKeys = 50_000 }: FleetWindowOptions = {}) {
    this.#slotMs = windowMs / slots
    this.#slots = slots + 1 // the newest one is not full
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#rows.size
  }

  /** A report of one process about an interval that ended at `atMs` (since 1970). What is older than the window is left out. */
  add(atMs: number, counts: readonly KeyCount[]): void {
    const slot = Math.floor(atMs / this.#slotMs)
    if (slot > this.#newest) this.#advance(slot)
    if (slot <= this.#newest - this.#slots) return
    const at = slot % this.#slots
    for (const { key, count } of counts) {
      const row = this.#rows.get(key) ?? this.#open(key)
      row.counts[at] = (row.counts[at] ?? 0) + count
      row.total += count
    }
    if (this.#rows.size > this.#maxKeys) this.#makeRoom()
  }

  /** How often a key was read in the window, as far as it was reported. */
  count(key: string): number {
    return this.#rows.get(key)?.total ?? 0
  }

  /** The hot keys, the hottest first. */
  hot({ among, moreThan }: HotRule = defaultHotRule): readonly KeyCount[] {
    const hot: KeyCount[] = []
    for (const [key, { total }] of this.#rows) if (total > moreThan) hot.push({ key, count: total })
    return hot.sort((left, right) => right.count - left.count).slice(0, among)
  }

  #open(key: string): Row {
    const row = { total: 0, counts: new Uint32Array(this.#slots) }
    this.#rows.set(key, row)
    return row
  }

  /** Empties the slots that the window has left. */
  #advance(slot: number): void {
    const gone = Math.min(slot - this.#newest, this.#slots)
    for (const [key, row] of this.#rows) {
      for (let step = 1; step <= gone; step++) {
        const at = (this.#newest + step) % this.#slots
        row.total -= row.counts[at] ?? 0
        row.counts[at] = 0
      }
      if (row.total === 0) this.#rows.delete(key)
    }
    this.#newest = slot
  }

  #makeRoom(): void {
    const kept = [...this.#rows].sort(([, left], [, right]) => right.total - left.total)
    for (const [key] of kept.slice(Math.floor(0.9 * this.#maxKeys))) this.#rows.delete(key)
  }
}
