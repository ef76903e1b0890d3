import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startSystem, type System } from '@freshet/demo'
import { membersCatalog } from '@freshet/members-catalog'
import { afterAll, beforeAll, expect, it } from 'vitest'

const MEMBERS = 40
const FRESHET_REFRESH_SECRET = 'a-secret-of-sixteen-and-more'
const freshet = createRequire(import.meta.url).resolve('@freshet/cli/bin/freshet.js')

let system: System
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freshet-refresh-'))
  const environment = { FRESHET_REFRESH_SECRET }
  system = await startSystem({ members: MEMBERS, payments: MEMBERS, apis: 1, warmer: false, environment })
})
afterAll(async () => {
  await system?.stop()
  await rm(folder, { recursive: true })
})

it('a warmer without a loader has the service that owns the values load and store them', async () => {
  const catalog = join(folder, 'catalog.json')
  await writeFile(catalog, JSON.stringify(membersCatalog.json))
  const url = system.apis[0]?.url ?? ''
  const { process: warmer } = await system.launch('cache-warmer', {
    FRESHET_LOADERS: catalog,
    FRESHET_REFRESH_URL: `${url}/freshet/refresh`,
  })
  await warmer.ready()
  const { stdout } = await promisify(execFile)(process.execPath, [freshet, 'warm', '--template', 'balance', '--json'], {
    env: { ...process.env, ...system.environment },
    cwd: import.meta.dirname,
  })
  expect(JSON.parse(stdout)).toMatchObject({ keys: MEMBERS, warmed: MEMBERS, failed: 0 })
  const read = await fetch(`${url}/members/7/balance`)
  expect(read.headers.get('cache-status')).toMatch(/hit/)
})
