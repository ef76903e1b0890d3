import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { startSystem, type System, type SystemOptions } from '@freshet/demo'
import { membersCatalogWithout } from '@freshet/members-catalog'
import pg from 'pg'
import { afterEach, expect, it } from 'vitest'
import { AppliedWatch, eventually } from '@freshet/testing/live'
import { auditSystem } from '../src/audit/system-audit.js'
import { underTraffic } from '../src/fencing/traffic.js'

const world = { members: 100, payments: 300, organizations: 3 }
const freshet = createRequire(import.meta.url).resolve('@freshet/cli/bin/freshet.js')

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function start(options: Partial<SystemOptions> = {}): Promise<System> {
  const environment = { FRESHET_DEMO: 'true', ...options.environment }
  const system = await startSystem({ ...world, ...options, environment })
  open.push(() => system.stop())
  const pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 2 })
  const watch = new AppliedWatch(pool, system.stack.redisUrl)
  open.push(() => pool.end())
  open.push(() => watch.close())
  await watch.applied(60_000)
  return system
}

it('an audit in traffic finds every layer consistent, and says of how much', async () => {
  const system = await start()
  const command = ['audit', '@freshet/members-catalog', '--for', '7s', '--rate', '150', '--recheck', '1s,4s', '--json']
  let [stdout, stderr] = ['', '']
  await underTraffic(system, world, async () => {
    ;({ stdout, stderr } = await promisify(execFile)(process.execPath, [freshet, ...command], {
      env: { ...process.env, ...system.environment },
      cwd: import.meta.dirname,
    }))
  })
  const { rows } = JSON.parse(stdout) as { rows: { layer: string; template: string; reads: number; stale: object }[] }
  for (const { layer, template, stale } of rows)
    expect({ layer, template, stale }).toMatchObject({ stale: { '4000': 0 } })
  const readsOf = (layer: string) =>
    rows.filter((row) => row.layer === layer && row.reads > 0).map(({ template }) => template)
  expect(readsOf('l2')).toEqual(expect.arrayContaining(['balance', 'profile', 'transactions']))
  expect(readsOf('l1')).toEqual(expect.arrayContaining(['balance', 'profile', 'transactions']))
  expect(stderr).toMatch(/\d+ reads, \d+ wrong at first sight/)
})

it('an audit finds a rule that was taken out, in every layer, and the warmer says so in its metrics', async () => {
  const broken = { FRESHET_DEMO_BREAK_RULE: 'balance' }
  const system = await start({ environment: { ...broken, FRESHET_AUDIT_KEYS_PER_SECOND: '100' } })
  const audit = await auditSystem(system, system.stack.postgresUrl, {
    catalog: membersCatalogWithout('balance'),
    keysPerSecond: 150,
  })
  await underTraffic(system, world, async () => undefined, { durationMs: 6_000 })
  const table = await audit.end()
  for (const { layer, template, stale } of table.rows) {
    if (template === 'balance') expect({ layer, stale: stale.get(5_000) }).not.toMatchObject({ stale: 0 })
    else expect({ layer, template, stale: stale.get(5_000) }).toMatchObject({ stale: 0 })
  }
  expect(new Set(table.rows.map(({ layer }) => layer))).toEqual(new Set(['l1', 'l2', 'l1 of the API']))
  const metrics = async (): Promise<string> => (await fetch(`${system.warmerUrl}/metrics`)).text()
  const found = (text: string) =>
    /freshet_audit_stale_total\{layer="l2",template="balance",after="5",.*\} [1-9]/.test(text)
  await eventually(async () => found(await metrics()), true)
})
