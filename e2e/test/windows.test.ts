import type { System } from '@freshet/demo'
import { eventually, metricOf } from '@freshet/testing/live'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestSystem } from '../src/test-system.js'

let system: System
let pool: pg.Pool

beforeAll(async () => {
  system = await startTestSystem({
    members: 20,
    payments: 40,
    warmer: false,
    environment: { FRESHET_DEMO: 'true' },
  })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 2 })
})
afterAll(async () => {
  await pool?.end()
  await system?.stop()
})

interface Answer {
  readonly names: readonly string[]
  readonly cacheStatus: string
  readonly cacheControl: string
}

/** The first page of members, whose template has a window of 10 s. */
async function readList(url: string): Promise<Answer> {
  const response = await fetch(`${url}/members?limit=5`)
  expect(response.status).toBe(200)
  const { items } = (await response.json()) as { items: { name: string }[] }
  return {
    names: items.map(({ name }) => name),
    cacheStatus: response.headers.get('cache-status') ?? '',
    cacheControl: response.headers.get('cache-control') ?? '',
  }
}

const isStale = ({ cacheStatus }: Answer): boolean => cacheStatus.includes('ttl=-1')
const rename = (name: string) =>
  pool.query('update members set name = $1 where id = (select min(id) from members)', [name])

/** Does Redis know in this instance how far it is true? */
async function seesRedis(url: string): Promise<boolean> {
  const { health } = (await (await fetch(`${url}/demo/counters`)).json()) as { health: { l2: string } }
  return health.l2 === 'sighted'
}

const hotLists = () => metricOf(system.invalidationUrl, 'freshet_hot_keys', { template: 'list' })

it('a hot list is served stale for as long as its window after a change, and never in any other way', async () => {
  const [one, other] = system.apis.map(({ url }) => url)
  if (one === undefined || other === undefined) throw new Error('there are two instances')
  for (const url of [one, other]) await eventually(() => seesRedis(url), true)
  const before = await readList(one)
  for (let times = 0; times < 60; times++) await Promise.all([readList(one), readList(other)])
  await eventually(hotLists, 1)

  await rename('Window One')
  await eventually(async () => isStale(await readList(one)), true)
  const firstSeen = performance.now()
  expect(await readList(other)).toEqual({
    names: before.names,
    cacheStatus: 'Freshet; hit; ttl=-1; detail=l2',
    cacheControl: 'no-store',
  })
  await eventually(async () => isStale(await readList(one)), false)
  expect(performance.now() - firstSeen).toBeLessThan(10_000 + 2_000) // what the poll and a busy machine add
  expect((await readList(one)).names).toContain('Window One')
})

it('with a warmer it is fresh again within the window, and nobody who reads has to load', async () => {
  const warmer = await system.launch('cache-warmer', { FRESHET_LOADERS: '@freshet/members-catalog' })
  await warmer.process.ready()
  const [{ url } = { url: '' }] = system.apis
  await eventually(async () => isStale(await readList(url)), false)
  await rename('Window Two')
  const seen: Answer[] = []
  await eventually(async () => isStale(await readList(url)), true)
  await eventually(async () => {
    seen.push(await readList(url))
    return seen.at(-1)?.names.includes('Window Two')
  }, true)
  expect(seen.every(({ cacheStatus }) => cacheStatus.startsWith('Freshet; hit'))).toBe(true)
  expect(seen.filter(isStale).length).toBeGreaterThan(0)
})
