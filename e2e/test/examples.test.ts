import { execFile } from 'node:child_process'
import { access, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createCache, type Cache } from '@freshet/cache'
import { catalogFromJson } from '@freshet/catalog'
import { startSystem, type System } from '@freshet/demo'
import { plan } from '@freshet/planner/testing'
import { variables } from '@freshet/service-kit'
import { NestFactory } from '@nestjs/core'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ordersCatalog } from '../../docs/examples/catalog.js'
import { legacyCatalog } from '../../docs/examples/legacy.js'
import { Mailer, startMailer } from '../../docs/examples/mailer.js'
import { Sales, ShopModule } from '../../docs/examples/nest-module.js'
import { readPaid } from '../../docs/examples/plain-consumer.js'
import '../../docs/examples/rules.test.js'
import { registerLoaders, registerRate, registerSaleOnStandby } from '../../docs/examples/shop-loaders.js'
import { correct, merge, pay, totalOf } from '../../docs/examples/shop-writes.js'
import { keys, shopCatalog } from '../../docs/examples/shop.js'

const run = promisify(execFile)
const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

let system: System
let pool: pg.Pool
let cache: Cache

beforeAll(async () => {
  system = await startSystem({ members: 0, payments: 0, apis: 0, warmer: false })
  const { postgresUrl, kafkaBrokers, redisUrl } = system.stack
  pool = new pg.Pool({ connectionString: postgresUrl, max: 4 })
  await pool.query(await readFile(pathOf('docs/examples/shop.sql'), 'utf8'))
  cache = await createCache({
    catalog: shopCatalog,
    redis: redisUrl,
    postgres: pool,
    kafka: { brokers: [kafkaBrokers] },
  })
  registerLoaders(cache, pool)
  registerRate(cache, async (currency) => currency.length)
  await cache.register()
  await cache.inForce()
})
afterAll(async () => {
  await cache?.close()
  await pool?.end()
  await system?.stop()
})

/** Anchors, as GitHub makes them. */
const headingsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^a-z0-9 _-]/g, '')
      .replaceAll(' ', '-'),
  )

/** Waits until a read is as wanted. */
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 20_000, interval: 20 })

it('what README and docs quote is what these tests run', async () => {
  const { stdout } = await run(process.execPath, [pathOf('docs/quote.mjs'), '--check'])
  expect(stdout).toMatch(/^[1-9]\d* quotations, 0 written anew/)
})

it('links in the documents lead to files and headings that are there', async () => {
  const inDocs = (await readdir(pathOf('docs'), { recursive: true })).filter((name) => name.endsWith('.md'))
  const broken: string[] = []
  for (const path of ['README.md', ...inDocs.map((name) => `docs/${name}`)]) {
    const text = await readFile(pathOf(path), 'utf8')
    for (const [link, file = '', heading] of text.matchAll(/\]\((?!https:)([^)#\s]*)(?:#([^)]*))?\)/g)) {
      const target = file === '' ? pathOf(path) : join(dirname(pathOf(path)), file)
      const exists = await access(target).then(
        () => true,
        () => false,
      )
      if (!exists || (heading !== undefined && !headingsOf(await readFile(target, 'utf8')).includes(heading)))
        broken.push(`${path}: ${link}`)
    }
  }
  expect(broken).toEqual([])
})

it('operations lists every variable with its default, and no other', async () => {
  const text = await readFile(pathOf('docs/operations.md'), 'utf8')
  const rows = [...text.matchAll(/^\| `(FRESHET_\w+)` *\| (.*?) *\| (.*?) *\|$/gm)].map(([, ...cells]) => cells)
  const wanted = Object.values(variables).map(({ name, description, ...rest }) => {
    const standing = 'default' in rest ? rest.default : undefined
    return [name, standing === undefined ? '' : standing === '' ? 'empty' : `\`${standing}\``, description]
  })
  expect(rows).toEqual(wanted)
})

it('operations lists every metric', async () => {
  const text = await readFile(pathOf('docs/operations.md'), 'utf8')
  const files = (await readdir(pathOf('apps'), { recursive: true })).filter((name) => /\/src\/.*\.ts$/.test(name))
  const sources = await Promise.all(files.map((name) => readFile(pathOf(`apps/${name}`), 'utf8')))
  const metrics = new Set(sources.flatMap((source) => source.match(/'freshet_\w+(?=')/g) ?? []))
  expect(metrics.size).toBeGreaterThan(10)
  for (const metric of metrics) expect(text).toContain(`\`${metric.slice(1)}\``)
})

it('the catalog that the docs show as JSON is that of the builder', async () => {
  const json: unknown = JSON.parse(await readFile(pathOf('docs/examples/orders.catalog.json'), 'utf8'))
  expect(catalogFromJson(json).fingerprint).toBe(ordersCatalog.fingerprint)
})

it('a catalog that only evicts deletes the old and the new key of a sale that moves', () => {
  const [old, now] = [
    { id: '7', customerId: 1 },
    { id: '7', customerId: 2 },
  ]
  const { evictions } = plan(legacyCatalog, { table: 'shop.sales', update: { old, new: now } })
  expect(evictions).toEqual(['legacy:sale:7', 'legacy:sales-of:1', 'legacy:sales-of:2'])
})

it("README's service runs: a change by SQL is fresh in the next reads", async () => {
  const { stdout } = await run(process.execPath, [pathOf('docs/examples/service.ts')], {
    env: { PATH: process.env.PATH, ...system.environment },
    timeout: 60_000,
  })
  expect(stdout).toMatch(/^fresh after \d+ ms\n$/)
})

it('a read that brings its own loader is cached, and fresh after a change', async () => {
  expect(await totalOf(cache, pool, 8n)).toBe('20')
  await eventually(async () => (await cache.read(keys.sale.of({ id: 8n }))).layer).not.toBe('source')
  await pool.query('update shop.sales set total = 21 where id = 8')
  await eventually(() => totalOf(cache, pool, 8n)).toBe('21')
})

it('a read with the token of a commit shows it at once', async () => {
  for (const total of ['22', '23', '24']) expect(await correct(cache, pool, 8n, total)).toBe(total)
})

it('a loader from a standby is told to read the primary where that is what it has', async () => {
  registerSaleOnStandby(cache, pool, pool) // the primary itself: its snapshots are judged as a primary's
  await pool.query('update shop.sales set total = 25 where id = 8')
  await eventually(async () => (await cache.get(keys.sale.of({ id: 8n })))?.total).toBe('25')
  registerLoaders(cache, pool)
})

it('a value that was computed from a cached one is fenced with it', async () => {
  const spent = keys.spent.of({ customerId: 2 })
  expect(await cache.get(spent)).toBe(30)
  await pool.query('update shop.sales set total = 31 where id = 9')
  await eventually(() => cache.get(spent)).toBe(31)
})

it('a value whose loader named a tag is fenced with it', async () => {
  const receipt = keys.receipt.of({ id: 9 })
  expect(await cache.get(receipt)).toMatch(/^Emmy owes/)
  await pool.query(`update shop.customers set name = 'Noether' where id = 2`)
  await eventually(() => cache.get(receipt)).toMatch(/^Noether owes/)
})

it('a source without transactions has lease strength', async () => {
  expect(await cache.read(keys.rate.of({ currency: 'EUR' }))).toMatchObject({ value: 3, strength: 'lease' })
})

it('an append-only table without a key is counted anew after an insert', async () => {
  const visits = keys.visits.of({ customerId: 1 })
  expect(await cache.get(visits)).toBe(0)
  await pool.query('insert into shop.visits (customer_id) values (1)')
  await eventually(() => cache.get(visits)).toBe(1)
})

it('a payment is seen in its own transaction, then by everyone, by Nest and by a plain consumer', async () => {
  const { kafkaBrokers, redisUrl } = system.stack
  const paid: unknown[] = []
  const ledger = await readPaid(kafkaBrokers, (id) => paid.push(id))
  const mailer = await startMailer(kafkaBrokers)
  const shop = await NestFactory.createApplicationContext(ShopModule.connectedTo(pool, redisUrl), { logger: false })
  try {
    expect(await cache.get(keys.unpaid.of({}))).toBe(2)
    expect(await pay(cache, pool, 7n)).toBe('paid')
    await eventually(async () => (await cache.get(keys.sale.of({ id: 7n })))?.status).toBe('paid')
    await eventually(async () => (await shop.get(Sales).find(7n))?.status).toBe('paid')
    await eventually(() => cache.get(keys.unpaid.of({}))).toBe(1)
    await eventually(() => mailer.get(Mailer).sent).toContain('sale 7 is paid')
    await eventually(() => paid).toContain('7')
  } finally {
    await Promise.all([shop.close(), mailer.close(), ledger.disconnect()])
  }
})

it('an emitted event fences after its commit', async () => {
  const layer = async () => (await cache.read(keys.sales.of({ customerId: 2, query: {} }))).layer
  await eventually(layer).toBe('l1')
  const tx = await pool.connect()
  await tx.query('begin')
  await merge(tx, 2)
  await tx.query('commit')
  tx.release()
  await eventually(layer).toBe('source')
})
