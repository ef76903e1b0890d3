import { parseLsn } from '@freshet/pgoutput'
import pg from 'pg'
import { startChain } from './chain/chain-process.js'
import { checkLayer, keysInL1, type LayerVerdict, type NamedKey } from './check/layer-check.js'
import { percentile } from './check/percentile.js'
import { readSteadily } from './load/readers.js'
import { writeSteadily } from './load/writer.js'
import { hitsSince, readCounters, refusedSince } from './observe/api-counters.js'
import { Observer } from './observe/observer.js'
import type { Latency, Report } from './report.js'
import type { System } from './system/system.js'
import { walkThroughOneChange } from './walk.js'

export interface DemoOptions {
  readonly members: number
  readonly payments: number
  readonly loadMs: number
  readonly commitsPerSecond: number
  readonly readsPerSecond: number
  readonly seed: number
}

/** Shows one change, then load, then compares every layer with fresh loads. */
export async function runDemo(system: System, options: DemoOptions, tell: (line: string) => void): Promise<Report> {
  const sql = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 4 })
  const observer = await Observer.start(system.stack.kafkaBrokers)
  try {
    const urls = system.apis.map(({ url }) => url)
    await walkThroughOneChange(urls, sql, observer, tell)
    return await loadAndCheck(system, sql, observer, options, tell)
  } finally {
    await observer.stop()
    await sql.end()
  }
}

async function loadAndCheck(
  system: System,
  sql: pg.Pool,
  observer: Observer,
  options: DemoOptions,
  tell: (line: string) => void,
): Promise<Report> {
  const { members, payments, loadMs, commitsPerSecond, readsPerSecond, seed } = options
  const { postgresUrl } = system.stack
  const urls = system.apis.map(({ url }) => url)
  const world = { members, payments, organizations: Math.max(1, Math.ceil(members / 50)) }
  tell('')
  tell(
    `${loadMs / 1000} s of load: ${readsPerSecond} reads a second over HTTP, ${commitsPerSecond} commits a second by plain SQL`,
  )
  const chain = await startChain(system.stack)
  observer.reset()
  const before = await Promise.all(urls.map(readCounters))
  const firstWriteAt = Date.now()
  const [written, read] = await Promise.all([
    writeSteadily({ postgresUrl, world, perSecond: commitsPerSecond, durationMs: loadMs, seed }),
    readSteadily({ urls, world, perSecond: readsPerSecond, durationMs: loadMs, seed }),
  ])
  const after = await Promise.all(urls.map(readCounters))
  await appliedByNow(sql, observer)
  await appliedByNow(sql, observer) // heard once more: what was in flight to the instances has arrived
  const chainMs = await chain.stop()
  if (Object.keys(read.failed).length > 0) tell(`reads that failed: ${JSON.stringify(read.failed)}`)
  if (Object.keys(written.refused).length > 0) tell(`writes that Postgres refused: ${JSON.stringify(written.refused)}`)

  const verdicts = await checkAllLayers(urls, firstWriteAt, sql)
  for (const { layer, stale } of verdicts)
    for (const one of stale.slice(0, 3)) tell(`STALE in ${layer}: ${JSON.stringify(one)}`)
  const [l2, ...l1s] = verdicts
  const hits = hitsSince(before, after)
  const hitRateByTemplate = Object.fromEntries(
    Object.entries(read.readsByTemplate).map(([name, count]) => [name, (hits[name] ?? 0) / count]),
  )
  return {
    commits: written.commits,
    changes: observer.changes,
    events: observer.events,
    tagsFenced: observer.tagsFenced,
    reads: read.reads,
    readsByTemplate: read.readsByTemplate,
    hitRate: Object.values(hits).reduce((sum, count) => sum + count, 0) / read.reads,
    hitRateByTemplate,
    refusedFills: refusedSince(before, after),
    commitToFenceMs: latencyOf(observer.commitToFenceMs),
    commitToL1Ms: latencyOf(
      after.flatMap(({ commitToL1Ms }, at) => commitToL1Ms.slice(before[at]?.commitToL1Ms.length ?? 0)),
    ),
    chainMs: latencyOf(chainMs),
    checkedByLayer: { l1: Math.min(...l1s.map(({ checked }) => checked)), l2: l2?.checked ?? 0 },
    checkedByTemplate: { ...l2?.checkedByTemplate },
    stale: verdicts.reduce((sum, { stale }) => sum + stale.length, 0),
    lost: Math.max(0, written.commits - observer.commits),
  }
}

async function checkAllLayers(urls: readonly string[], since: number, sql: pg.Pool): Promise<readonly LayerVerdict[]> {
  const keysOfEach = await Promise.all(urls.map(keysInL1))
  const everyKey = new Map<string, NamedKey>(keysOfEach.flat().map((key) => [JSON.stringify(key), key]))
  const verdicts = [await checkLayer(urls[0] ?? '', 'l2', [...everyKey.values()], since, sql)]
  for (const [at, url] of urls.entries())
    verdicts.push({ ...(await checkLayer(url, 'l1', keysOfEach[at] ?? [], since, sql)), layer: `l1 of API ${at + 1}` })
  return verdicts
}

/** Resolves once everything that is committed by now is applied. */
async function appliedByNow(sql: pg.Pool, observer: Observer): Promise<void> {
  const { rows } = await sql.query<{ lsn: string }>(
    `select (pg_logical_emit_message(true, 'freshet demo', ''))::text as lsn`,
  )
  await observer.appliedUpTo(parseLsn(rows[0]?.lsn ?? ''), 30_000)
}

const latencyOf = (samples: readonly number[]): Latency => ({
  p50: percentile(samples, 0.5),
  p99: percentile(samples, 0.99),
})
