// npm run bench:windows -- [--seconds N] [--commits N] [--reads N]
import { fileURLToPath } from 'node:url'
import { createCache, OccurrenceCounter, type Cache } from '@freshet/cache'
import { cacheWarmer } from '@freshet/cache-warmer'
import { seededRandom, startSystem, type System } from '@freshet/demo'
import { startService, type RunningService } from '@freshet/service-kit'
import { eventually, metricOf } from '@freshet/testing/live'
import pg from 'pg'
import { loadavg } from 'node:os'
import { wholeNumbers } from './whole-numbers.js'
import { FenceTimes } from './windows/fences.js'
import { catalog, loads, organizations, pageOf, pagesSql, registerLoaders, windowMs } from './windows/pages.js'
import { PlainCache } from './windows/plain.js'
import { between, tellingsOf, type Tellings } from './windows/tellings.js'
import { readSteadily, type Read, type ReadPage } from './windows/reads.js'
import { sideOf, verdicts, type Side } from './windows/sides.js'
import { writeSteadily } from './windows/writes.js'

const pages = 200
const { seconds, commits, reads: perSecond } = wholeNumbers({ seconds: 30, commits: 500, reads: 1_000 })
/** Of both readers. */
const counter = new OccurrenceCounter()
const tell = (line: string): void => void process.stderr.write(`${line}\n`)

async function openReader({ stack }: System, pool: pg.Pool): Promise<{ cache: Cache; read: ReadPage }> {
  const cache = await createCache({
    catalog,
    redis: stack.redisUrl,
    postgres: { url: stack.postgresUrl },
    kafka: { brokers: [stack.kafkaBrokers] },
    onOccurrence: counter.listener,
    l1: false, // the other side has none
  })
  registerLoaders(cache, { pool, by: 'readers' })
  await cache.register()
  await cache.inForce()
  const read: ReadPage = async (page) => {
    const { layer, stale, loadedAtMs } = await cache.read(pageOf(page))
    return { isHit: layer !== 'source', isStale: stale, loadedAtMs }
  }
  return { cache, read }
}

/** In this process, so that its loads are counted with the readers'. */
const startWarmer = ({ environment }: System): Promise<RunningService> =>
  startService(cacheWarmer, {
    environment: {
      ...environment,
      FRESHET_HTTP_PORT: '0',
      FRESHET_LOADERS: fileURLToPath(new URL('./windows/pages.js', import.meta.url)),
      FRESHET_LOG_LEVEL: 'error',
    },
  })

/** Reads under commits; what was loaded meanwhile. */
async function play(
  name: string,
  readers: readonly ReadPage[],
  organization: number,
  tellings: () => Promise<Tellings>,
  onCommit?: () => Promise<unknown>,
): Promise<Side> {
  tell(`${name}: ${seconds} s`)
  const before = loads.length
  const toldBefore = await tellings()
  const url = system.stack.postgresUrl
  const writing = writeSteadily(url, {
    organization,
    perSecond: commits,
    random: seededRandom(2),
    ...(onCommit && { onCommit }),
  })
  let reads: readonly Read[]
  try {
    reads = await readSteadily(readers, { perSecond, seconds, pages, random: seededRandom(1) })
  } finally {
    await writing.stop()
  }
  const told = between(toldBefore, await tellings())
  if (told !== '') tell(`  ${told}`)
  tell(`  load average ${loadavg()[0]?.toFixed(1)}`)
  return sideOf(name, reads, loads.slice(before), writing.commits / seconds)
}

const system = await startSystem({ members: 10, payments: 10, apis: 0, warmer: false })
const pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 20 })
const closing: (() => Promise<unknown>)[] = [() => pool.end()]
try {
  await pool.query(pagesSql)
  const clients = [await openReader(system, pool), await openReader(system, pool)]
  closing.push(
    ...clients.map(
      ({ cache }) =>
        () =>
          cache.close(),
    ),
  )
  const readers = clients.map(({ read }) => read)
  const warmer = await startWarmer(system)
  closing.push(() => warmer.close())
  const tellings = () => tellingsOf(counter, warmer.url)
  const fences = await FenceTimes.follow(system.stack.kafkaBrokers, `org:${organizations.stormy}:rows:*`)
  closing.push(fences.close)
  const plain = new PlainCache(system.stack.redisUrl, pool)
  closing.push(async () => plain.close())

  tell('reading until every page is hot')
  await readSteadily(readers, { perSecond: 3_000, seconds: Math.ceil((120 * pages) / 3_000), pages })
  await eventually(() => metricOf(system.invalidationUrl, 'freshet_hot_keys', { template: 'page' }), pages)
  await readSteadily([plain.read], { perSecond: 1_000, seconds: 1, pages })

  const calm = await play('calm', readers, organizations.calm, tellings)
  const stormy = await play('with windows', readers, organizations.stormy, tellings)
  const plainCalm = await play('delete on change, calm', [plain.read], organizations.calm, tellings)
  const plainStormy = await play('delete on change', [plain.read], organizations.stormy, tellings, () =>
    plain.invalidate(pages),
  )

  process.stdout.write(
    `${pages} hot pages, a window of ${windowMs / 1_000} s, ${commits} commits/s of one row each, ${perSecond} reads/s, ${seconds} s each\n\n`,
  )
  for (const verdict of verdicts({ calm, stormy, plainCalm, plainStormy, pages, seconds, fences })) {
    process.stdout.write(`${verdict.text}\n`)
    if (!verdict.holds) process.exitCode = 1
  }
} finally {
  for (const close of closing.toReversed()) await close()
  await system.stop()
}
