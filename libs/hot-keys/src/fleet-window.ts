import type { KeyCount } from './access-counter.js'

export interface FleetWindowOptions {
  /** How long reads count, in milliseconds; an hour by default. */
  readonly windowMs?: number
  /** Into how many slots it is cut: it slides by one at a time; 60 by default. */
  readonly slots?: number
  /** Keys at most; 50,000 by default. Those read least give way. */
  readonly maxKeys?: number
}

/** Of the keys, when there are too many. More of them would have to make room more often, which takes some milliseconds. */
const KEPT = 0.75

/** What a slot can hold: a report may claim more, and what was added has to go again with its slot. */
const MOST = 2 ** 32 - 1

/** A key is hot when it is among the fleet's so many hottest AND was read more often than this in the window. */
export interface HotRule {
  readonly among: number
  readonly moreThan: number
}

export const defaultHotRule: HotRule = { among: 1_000, moreThan: 100 }

/**
 * Adds up what all processes report, over a sliding window. It forgets by the clock of the reports alone, so that reading
 * the same reports again, after a restart, makes the same window.
 *
 * One table holds the counts of all keys: an array for each would cost a report of 200 new keys about a millisecond.
 */
export class FleetWindow {
  /** Which row of the table is a key's. */
  readonly #rows = new Map<string, number>()
  /** Rows that were some key's before; they are empty. */
  readonly #free: number[] = []
  #totals = new Float64Array(1_024)
  /** By row, and in it by slot. */
  #counts: Uint32Array
  readonly #slotMs: number
  readonly #slots: number
  readonly #maxKeys: number
  /** The newest slot, counted from 1970. */
  #newest = 0

  constructor({ windowMs = 3_600_000, slots = 60, maxKeys = 50_000 }: FleetWindowOptions = {}) {
    this.#slotMs = windowMs / slots
    this.#slots = slots + 1 // the newest one is not full
    this.#maxKeys = maxKeys
    this.#counts = new Uint32Array(this.#totals.length * this.#slots)
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
      this.#change(row, at, count)
    }
    if (this.#rows.size > this.#maxKeys) this.#makeRoom()
  }

  /** How often a key was read in the window, as far as it was reported. */
  count(key: string): number {
    const row = this.#rows.get(key)
    return row === undefined ? 0 : this.#total(row)
  }

  /** The key's place among all keys, 1 for the hottest, as `hot` orders them; undefined where it was not read. Sorts nothing. */
  rank(key: string): number | undefined {
    const count = this.count(key)
    if (count === 0) return undefined
    let rank = 1
    let isBefore = true // of equals those that came first
    for (const [other, row] of this.#rows) {
      if (other === key) isBefore = false
      else if (this.#total(row) > count || (isBefore && this.#total(row) === count)) rank++
    }
    return rank
  }

  /** The hot keys, the hottest first. */
  hot({ among, moreThan }: HotRule = defaultHotRule): readonly KeyCount[] {
    const hot: KeyCount[] = []
    for (const [key, row] of this.#rows) {
      const count = this.#total(row)
      if (count > moreThan) hot.push({ key, count })
    }
    return hot.sort((left, right) => right.count - left.count).slice(0, among)
  }

  #total(row: number): number {
    return this.#totals[row] ?? 0
  }

  #change(row: number, slot: number, by: number): void {
    const at = row * this.#slots + slot
    const before = this.#counts[at] ?? 0
    const after = Math.min(before + by, MOST)
    this.#counts[at] = after
    this.#totals[row] = this.#total(row) + after - before
  }

  #open(key: string): number {
    const row = this.#free.pop() ?? this.#rows.size // all rows before it are taken
    if (row >= this.#totals.length) this.#grow()
    this.#rows.set(key, row)
    return row
  }

  #close(key: string, row: number): void {
    this.#counts.fill(0, row * this.#slots, (row + 1) * this.#slots)
    this.#totals[row] = 0
    this.#rows.delete(key)
    this.#free.push(row)
  }

  #grow(): void {
    const [totals, counts] = [this.#totals, this.#counts]
    this.#totals = new Float64Array(2 * totals.length)
    this.#counts = new Uint32Array(2 * counts.length)
    this.#totals.set(totals)
    this.#counts.set(counts)
  }

  /** Empties the slots that the window has left. */
  #advance(slot: number): void {
    const gone = Math.min(slot - this.#newest, this.#slots)
    for (const [key, row] of this.#rows) {
      for (let step = 1; step <= gone; step++) {
        const at = (this.#newest + step) % this.#slots
        this.#change(row, at, -(this.#counts[row * this.#slots + at] ?? 0))
      }
      if (this.#total(row) === 0) this.#close(key, row)
    }
    this.#newest = slot
  }

  /** Of equals those go that have been here longest: they are read least often. */
  #makeRoom(): void {
    const kept = Math.floor(KEPT * this.#maxKeys)
    const totals = Float64Array.from(this.#rows.values(), (row) => this.#total(row)).sort()
    let tooMany = totals.length - kept
    const least = totals[tooMany] ?? 0
    for (const [key, row] of this.#rows)
      if (this.#total(row) < least) {
        this.#close(key, row)
        tooMany--
      }
    for (const [key, row] of this.#rows) {
      if (tooMany === 0) return
      if (this.#total(row) > least) continue
      this.#close(key, row)
      tooMany--
    }
  }
}
