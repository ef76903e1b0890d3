import { setTimeout as delay } from 'node:timers/promises'
import { startPostgresPair, type PostgresPair } from '@freshet/local-stack'
import { TcpProxy } from '@freshet/testing/live'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Scene } from '../src/faults/scene.js'

/** The standby shows a commit a second after it: what was just fenced is not there yet, and all else is. */
const applyDelayMs = 1_000

let pair: PostgresPair
let proxy: TcpProxy
let scene: Scene

beforeAll(async () => {
  pair = await startPostgresPair({ applyDelayMs })
  proxy = await TcpProxy.before(pair.standbyUrl)
  scene = await Scene.open(
    {
      routes: async () => ({ postgresUrl: pair.primaryUrl }),
      environment: { FRESHET_POSTGRES_STANDBY_URL: proxy.url },
    },
    { postgresUrl: pair.primaryUrl },
  )
})

afterAll(async () => {
  await scene?.close()
  await proxy?.close()
  await pair?.stop()
})

/** Loads that both instances have had from the standby, and those that they passed on to the primary, by the reason. */
async function standbyLoads(): Promise<Readonly<Record<string, number>>> {
  const sums: Record<string, number> = {}
  for (const { url } of scene.system.apis) {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    const counts = /^freshet_cache_standby_loads_total\{.*\boutcome="([^"]*)".*\} (\d+)/gm
    for (const [, outcome = '', count] of metrics.matchAll(counts)) sums[outcome] = (sums[outcome] ?? 0) + Number(count)
  }
  return sums
}

/** As `Scene.survives`; returns what the standby was asked for meanwhile. */
async function survives(name: string, happens: () => Promise<void>): Promise<Readonly<Record<string, number>>> {
  const before = await standbyLoads()
  await scene.survives(name, happens)
  const after = await standbyLoads()
  const during = Object.fromEntries(
    Object.entries(after).map(([outcome, count]) => [outcome, count - (before[outcome] ?? 0)]),
  )
  process.stdout.write(`${name}: of the standby ${JSON.stringify(during)}\n`)
  expect(during['loaded'], 'loads that the standby has answered').toBeGreaterThan(10)
  expect(during['standby-behind'], 'loads that it had not replayed enough for').toBeGreaterThan(10)
  return during
}

/** Once a load has come from the standby again. */
async function standbyIsBack(): Promise<void> {
  const { loaded: before = 0 } = await standbyLoads()
  await expect
    .poll(
      async () => {
        await scene.cachingGoesOn(1)
        return (await standbyLoads())['loaded']
      },
      { timeout: 60_000 },
    )
    .toBeGreaterThan(before)
}

it('loads from a standby that is a second behind leave nothing stale', async () => {
  await survives('a standby a second behind', () => delay(5_000))
})

it('a standby that stops replaying in the middle leaves nothing stale', async () => {
  await survives('replay paused', async () => {
    await pair.pauseReplay()
    await delay(5_000)
    await pair.resumeReplay()
  })
})

it('a standby that is killed and comes back leaves nothing stale', async () => {
  const during = await survives('kill -9 of the standby', async () => {
    await pair.standby.kill('SIGKILL')
    await delay(2_000)
    await pair.standby.start()
    await delay(2_000)
  })
  expect(during['standby-failed']).toBeGreaterThan(0)
  await standbyIsBack()
})

it('half-open connections to the standby leave nothing stale', async () => {
  const during = await survives('silence of the standby', async () => {
    proxy.fallSilent()
    await delay(8_000)
    proxy.pass()
  })
  expect(during['standby-failed']).toBeGreaterThan(0)
  await standbyIsBack()
})
