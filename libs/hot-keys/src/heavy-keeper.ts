/** Rows and columns: 2 of 4,096, 48 KiB. */
export interface SketchSize {
  readonly rows: number
  /** A power of two. */
  readonly columns: number
}

const DECAY_BASE = 1.08
/** A count that is higher is worn down less than once in 10^12 collisions. */
const UNWORN = 360

/**
 * Counts many keys in little memory: what is frequent is counted well, what is rare hardly at all. A bucket belongs to one
 * key; another key that falls into it wears its count down, the more slowly the higher it is, and takes it over at 0.
 *
 * Source: Gong, Yang, Zhang, Li, Uhlig, Chen, Uden, Li, "HeavyKeeper: An Accurate Algorithm for Finding Top-k Elephant
 * Flows", USENIX ATC 2018 (the parallel version, with b = 1.08).
 *
 * @example
 * const sketch = new HeavyKeeper()
 * sketch.add('member:42:balance') // 1
 */
export class HeavyKeeper {
  readonly #fingerprints: Uint16Array
  readonly #counts: Uint32Array
  readonly #rows: number
  readonly #columns: number

  /** `random` decides which collisions wear a count down: from 0 to 1, as Math.random. */
  constructor(
    { rows, columns }: SketchSize = { rows: 2, columns: 4_096 },
    private readonly random: () => number = Math.random,
  ) {
    if (rows < 1 || columns < 1 || (columns & (columns - 1)) !== 0)
      throw new RangeError(`a sketch of ${rows} rows and ${columns} columns: columns must be a power of two`)
    this.#rows = rows
    this.#columns = columns
    this.#fingerprints = new Uint16Array(rows * columns)
    this.#counts = new Uint32Array(rows * columns)
  }

  get bytes(): number {
    return this.#fingerprints.byteLength + this.#counts.byteLength
  }

  /** Counts one more, or as many as given; returns how many there were, as far as the sketch knows: never too many but for a rare collision. */
  add(key: string, times = 1): number {
    const hash = hashOf(key)
    const fingerprint = hash >>> 16
    const step = Math.imul(hash, 0x9e3779b1) | 1
    let most = 0
    for (let row = 0; row < this.#rows; row++) {
      const at = row * this.#columns + ((hash + Math.imul(row, step)) & (this.#columns - 1))
      const count = this.#counts[at] ?? 0
      if (count === 0 || this.#fingerprints[at] === fingerprint) {
        this.#fingerprints[at] = fingerprint
        this.#counts[at] = count + times
        if (count + times > most) most = count + times
      } else if (count <= UNWORN) {
        const won = this.#wear(at, count, times)
        if (won === 0) continue
        this.#fingerprints[at] = fingerprint
        if (won > most) most = won
      }
    }
    return most
  }

  /** Another key's bucket, so many times; returns how many are counted for the one that took it over, 0 if none did. */
  #wear(at: number, from: number, times: number): number {
    let count = from
    for (let left = times; left > 0; left--) {
      if (this.random() >= DECAY_BASE ** -count) continue
      count--
      if (count > 0) continue
      this.#counts[at] = left
      return left
    }
    this.#counts[at] = count
    return 0
  }

  /** Halves every count, so that what was read long ago makes room. */
  age(): void {
    for (let at = 0; at < this.#counts.length; at++) this.#counts[at] = (this.#counts[at] ?? 0) >>> 1
  }
}

/** FNV-1a over UTF-16 code units, mixed by MurmurHash3's finalizer. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let position = 0; position < text.length; position++)
    hash = Math.imul(hash ^ text.charCodeAt(position), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
