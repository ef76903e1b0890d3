/** A repeatable stream of random numbers. */
export interface Random {
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number
  /** One of them, each as likely as its weight. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T
  /** A rank from 0 to `size` - 1, low ones far more often: P(rank) ~ 1 / (rank + 1), Zipf's law. */
  skewed(size: number): number
}

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state, enough for choosing rows. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    below: (below) => Math.floor(fraction() * below),
    weighted: (choices) => {
      let left = fraction() * choices.reduce((sum, [weight]) => sum + weight, 0)
      for (const [weight, choice] of choices) if ((left -= weight) < 0) return choice
      throw new RangeError('weighted() needs a choice with a weight above 0')
    },
    // inverse of the continuous distribution with density 1 / x from 1 to size + 1
    skewed: (size) => Math.min(size - 1, Math.floor((size + 1) ** fraction()) - 1),
  }
}
