import { setTimeout as delay } from 'node:timers/promises'
import { xid as toXid } from '@freshet/pgoutput'
import type pg from 'pg'
import type { Observer } from './observe/observer.js'

/** A read of the balance, as anyone would do it. */
async function readBalance(api: string, member: number): Promise<{ text: string; cacheStatus: string }> {
  const response = await fetch(`${api}/members/${member}/balance`)
  return { text: await response.text(), cacheStatus: response.headers.get('cache-status') ?? '' }
}

/** Changes one row by plain SQL and shows each hop, with its milliseconds. */
export async function walkThroughOneChange(
  apis: readonly string[],
  sql: pg.Pool,
  observer: Observer,
  tell: (line: string) => void,
): Promise<void> {
  const member = 42
  tell('')
  tell(`One change, step by step: member ${member} pays, by plain SQL.`)
  for (const [at, api] of apis.entries()) {
    await readBalance(api, member)
    const { text, cacheStatus } = await readBalance(api, member)
    tell(`  API ${at + 1} answers  ${text}  ${cacheStatus}`)
  }
  const { rows } = await sql.query<{ xid: string }>(
    `insert into payments (member_id, amount, status) values ($1, 12.50, 'completed') returning pg_current_xact_id()::text as xid`,
    [member],
  )
  const returnedAt = Date.now()
  const id = toXid(BigInt(rows[0]?.xid ?? 0))
  const deadline = Date.now() + 10_000
  let passage = observer.transactions.get(id)
  while (passage?.fencedAt === undefined || passage.publishedAt === undefined) {
    if (Date.now() > deadline)
      throw new Error(`the payment was not fenced within 10 s; seen of it: ${JSON.stringify(passage)}`)
    await delay(1)
    passage = observer.transactions.get(id)
  }
  const { committedAt, fencedAt, publishedAt, tags } = passage
  const hops: [at: number, what: string][] = [
    [committedAt, 'committed (INSERT INTO payments)'],
    [returnedAt, 'the writer had its answer'],
    [publishedAt, 'payment.changes.v1 reached a consumer'],
    [fencedAt, `fenced in Redis: ${tags.join(', ')}`],
  ]
  for (const [at, what] of hops.sort(([left], [right]) => left - right))
    tell(`  ${(at - committedAt).toFixed(1).padStart(6)} ms  ${what}`)
  for (const [at, api] of apis.entries()) {
    const { text, cacheStatus } = await readBalance(api, member)
    tell(`  API ${at + 1} answers  ${text}  ${cacheStatus}`)
  }
}
