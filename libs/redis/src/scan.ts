import { randomInt } from 'node:crypto'
import type { Connection } from './connection.js'

/** Few enough that readers get in between. */
const KEYS_PER_SCAN = 200

/** Keys of one server that match, from anywhere on and once round, some perhaps twice. Rejects as ioredis does. */
export async function* scan(connection: Connection, pattern: string): AsyncIterable<string> {
  const start = randomInt(2 ** 32)
  yield* scanFrom(connection, pattern, start, () => false)
  yield* scanFrom(connection, pattern, 0, (cursor) => isPast(cursor, start))
}

async function* scanFrom(
  { redis }: Connection,
  pattern: string,
  start: number,
  ends: (cursor: number) => boolean,
): AsyncIterable<string> {
  let from = String(start)
  do {
    const [next, found] = await redis.scan(from, 'MATCH', pattern, 'COUNT', KEYS_PER_SCAN)
    yield* found
    from = next
  } while (from !== '0' && !ends(Number(from)))
}

/**
 * SCAN counts in the bits of its cursor from the other end, so that any number is a place to begin at (Redis, dict.c,
 * dictScan: P. Noordhuis' reverse binary iteration).
 */
const isPast = (cursor: number, start: number): boolean => reversed(cursor) > reversed(start)

const reversed = (bits: number): number =>
  Number.parseInt((bits % 2 ** 32).toString(2).padStart(32, '0').split('').reverse().join(''), 2)
