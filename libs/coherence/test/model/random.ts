/** Numbers from a seed (mulberry32), so that a run can be had again. */
export interface Random {
  /** A whole number from 0 up to, and without, `below`. */
  below(below: number): number
  /** True once in so many times. */
  onceIn(times: number): boolean
  oneOf<T>(choices: readonly T[]): T
}

export function randomFrom(seed: number): Random {
  let state = seed | 0
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
  return {
    below,
    onceIn: (times) => below(times) === 0,
    oneOf: (choices) => choices[below(choices.length)] as (typeof choices)[number],
  }
}
