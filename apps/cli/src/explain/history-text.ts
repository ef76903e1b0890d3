import type { FencingChange, Hops, KeyAccesses, KeyHistory, LastFence } from '@freshet/explain'
import { causeText } from './explain-change.js'

/** What happened to a key, for people. */
export function historyLines({ knownSince, lastFence, refresh }: KeyHistory, nowMs = Date.now()): string[] {
  const lines = lastFence
    ? [`last fenced ${ago(lastFence.hops.fenced, nowMs)}: ${fenceText(lastFence)}`, `  ${hopsText(lastFence.hops)}`]
    : [`not fenced since ${clock(knownSince)}; what was before is no longer kept`]
  if (!refresh) return [...lines, `no refresh was asked for since ${clock(knownSince)}`]
  const { notBefore, deadline, askedAt } = refresh
  const dueInMs = Date.parse(notBefore) - nowMs
  const due = dueInMs > 0 ? `is due in ${seconds(dueInMs)}` : `was due ${ago(notBefore, nowMs)}`
  return [...lines, `its refresh ${due}, until ${clock(deadline)}; asked for ${ago(askedAt, nowMs)}`]
}

function fenceText({ tag, cause, gap, batch, change }: LastFence): string {
  if (cause === 'hand') return `${tag}, by hand`
  if (cause === 'gap') return `${tag}, by a gap${gap === undefined ? '' : ` (${gap})`}`
  if (!change) {
    const { topic, partition, from, to } = batch ?? {}
    const where = topic === undefined ? '' : ` in ${topic}/${partition} from ${from} on, before ${to}`
    return `${tag}, by a change${where} that cannot be told: its record is no longer kept, the catalogs have changed since, or others write its topic`
  }
  return `${tag}, by ${changeText(change)}`
}

function changeText({ type, table, row, commit, rules }: FencingChange): string {
  const of = [type, ...(table === undefined ? [] : [`of ${table}`]), ...(row ? [rowText(row)] : [])].join(' ')
  const why = rules.map(({ event, ...cause }) => `${causeText(cause)}${event === undefined ? '' : `, on ${event}`}`)
  return `${of}, commit ${commit.lsn}, xid ${commit.xid}, change ${commit.index}; ${why.join('; ')}`
}

const rowText = (row: NonNullable<FencingChange['row']>): string =>
  Object.entries(row)
    .map(([column, value]) => `${column} = ${String(value)}`)
    .join(', ')

const names: readonly (readonly [hop: keyof Hops, name: string])[] = [
  ['committed', 'committed'],
  ['sent', 'sent by the listener'],
  ['read', 'read by the invalidation service'],
  ['fenced', 'fenced in Redis'],
  ['published', 'published'],
]

/** The first hop's time, then how long after it each of the others was. */
function hopsText(hops: Hops): string {
  const known = names.flatMap(([hop, name]) => (hops[hop] === undefined ? [] : [{ name, at: hops[hop] }]))
  const [first] = known
  const begin = first === undefined ? 0 : Date.parse(first.at)
  return known
    .map(({ name, at }, place) =>
      place === 0 ? `${name} ${clock(at)}` : `${name} ${signed(Date.parse(at) - begin)} ms`,
    )
    .join(', ')
}

/** Hot or cold, for people. */
export function accessesText({ hot, reads, rank, windowMs }: KeyAccesses): string {
  const window = windowMs % 60_000 === 0 ? `${windowMs / 60_000} min` : seconds(windowMs)
  if (rank === undefined) return `cold: no reads of it are reported in the last ${window}`
  return `${hot ? 'hot' : 'cold'}: ${reads} reads in the last ${window}, rank ${rank}`
}

const signed = (ms: number): string => (ms < 0 ? `${ms}` : `+${ms}`)

const clock = (iso: string): string => iso.slice(0, 23).replace('T', ' ')

const ago = (iso: string, nowMs: number): string => `${seconds(Math.max(0, nowMs - Date.parse(iso)))} ago`

/** For people: `4.2s`. */
export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)}s`
