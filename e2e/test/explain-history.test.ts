import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { main } from '@freshet/cli'
import { startSystem, type System } from '@freshet/demo'
import { ExplainClient, type WatchedFence } from '@freshet/explain/client'
import { stackEnvironment } from '@freshet/local-stack'
import { AppliedWatch } from '@freshet/testing/live'
import kafkajs from 'kafkajs'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'

const quiet = '--disable-warning=TimeoutNegativeWarning' // as the command's own first line has it
const bin = createRequire(import.meta.url).resolve('@freshet/cli/bin/freshet.js')

let system: System
let pool: pg.Pool
let applied: AppliedWatch

beforeAll(async () => {
  system = await startSystem({ members: 3, payments: 9, apis: 1, warmer: false })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 2 })
  applied = new AppliedWatch(pool, system.stack.redisUrl)
})

afterAll(async () => {
  await applied?.close()
  await pool?.end()
  await system?.stop()
})

/** A completed payment of a member, committed and fenced; its id, and its transaction's. */
async function pay(memberId: number): Promise<{ readonly id: string; readonly xid: string }> {
  const { rows } = await pool.query<{ id: string; xid: string }>(
    `insert into payments (member_id, amount, status) values ($1, 5, 'completed') returning id, pg_current_xact_id()::text as xid`,
    [memberId],
  )
  await applied.applied()
  const [row] = rows
  if (!row) throw new Error('nothing was inserted')
  return row
}

const hopNames = ['committed', 'sent', 'read', 'fenced', 'published'] as const

it('explain names the commit, row and rule that fenced a key last, and the time of each hop, over HTTP as by the command', async () => {
  await pay(1)
  const { id, xid } = await pay(1)
  await pay(2) // of another member: it fences another key
  const client = new ExplainClient({ url: system.invalidationUrl })
  const [explained] = await client.explainKey('member:1:balance')
  const { lastFence } = explained?.history ?? {}
  expect(lastFence).toMatchObject({
    tag: 'member:1:balance',
    cause: 'change',
    change: { type: 'payment.inserted', table: 'public.payments', commit: { xid }, rules: [{ name: 'balance' }] },
  })
  expect(String(lastFence?.change?.row?.['id'])).toBe(id)
  const times = hopNames.map((hop) => Date.parse(lastFence?.hops[hop] ?? ''))
  expect(times).toEqual(times.toSorted((one, other) => one - other)) // one machine, one clock
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThan(30_000)

  const printed: string[] = []
  const print = (line: string): void => void printed.push(line)
  expect(await main(['explain', 'member:1:balance'], stackEnvironment(system.stack), { print, note: print })).toBe(0)
  const text = printed.join('\n')
  expect(text).toMatch(
    new RegExp(
      `last fenced \\S+ ago: member:1:balance, by payment.inserted of public.payments id = ${id}, commit \\S+, xid ${xid}, change 0; members-api@1 rule 1 \\(balance\\)`,
    ),
  )
  expect(text).toMatch(
    /committed .*, sent by the listener \+\d+ ms, read by the invalidation service \+\d+ ms, fenced in Redis \+\d+ ms, published \+\d+ ms/,
  )
  expect(text).toContain('no refresh was asked for since ')
  expect(text).toContain('cold: no reads of it are reported in the last 60 min')
})

it('explain says of a key that was invalidated by hand, and of one that nothing fenced, what is so', async () => {
  const client = new ExplainClient({ url: system.invalidationUrl })
  const silent = { print: () => undefined, note: () => undefined }
  expect(await main(['invalidate', 'member:3:balance'], stackEnvironment(system.stack), silent)).toBe(0)
  const [byHand] = await client.explainKey('member:3:balance')
  expect(byHand?.history.lastFence).toMatchObject({ tag: 'member:3:balance', cause: 'hand' })
  const [other] = await client.explainKey('summary:77')
  // when the catalog came into force, all its templates were fenced
  expect(other?.history.lastFence).toMatchObject({ tag: '*summary:{memberId}', cause: 'gap', gap: 'catalog-in-force' })
})

it('a watch over HTTP shows a fence with its rule, and those that are asked what rests on what', async () => {
  const client = new ExplainClient({ url: system.invalidationUrl })
  const ending = new AbortController()
  onTestFinished(() => ending.abort())
  const started = Promise.withResolvers<void>()
  const fences = client.watch({ tag: 'member:2:balance', signal: ending.signal, onStart: () => started.resolve() })
  const next = fences.next()
  await started.promise
  const { xid } = await pay(2)
  const seen = (await next) as { value: WatchedFence }
  expect(seen.value).toMatchObject({ tag: 'member:2:balance', cause: 'change', entity: 'payment', commit: { xid } })
  expect(seen.value.rules.map(({ name }) => name)).toEqual(['balance'])

  expect(await client.catalogs()).toMatchObject([{ owner: 'members-api', version: '1' }])
  expect((await client.catalogs())[0]?.inForceSince).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/)
  expect((await client.graph()).nodes.map(({ label }) => label)).toContain('public.payments')
  const would = await client.explainChanges([{ table: 'public.members', delete: { id: 1 } }], 'member:1:balance')
  expect(would.key?.[0]?.[0]?.fenced).toBe(true)
})

it('freshet watch prints fences as they happen, and Ctrl-C ends it and leaves no consumer group behind', async () => {
  const admin = new kafkajs.Kafka({ brokers: [system.stack.kafkaBrokers], logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  onTestFinished(() => admin.disconnect())
  const groups = async (): Promise<string[]> =>
    (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((name) => name.startsWith('freshet-cli'))
  expect(await groups()).toEqual([])

  const watching: ChildProcess = spawn(
    process.execPath,
    [quiet, bin, 'watch', '--tag', 'member:{id}:balance', '--json'],
    {
      env: { ...process.env, ...system.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  onTestFinished(() => void watching.kill('SIGKILL'))
  const [printed, noted] = [watching.stdout, watching.stderr].map((stream) => {
    if (!stream) throw new Error('the command has no output')
    return createInterface(stream)
  })
  if (!printed || !noted) throw new Error('the command has no output')
  const [said] = (await once(noted, 'line')) as [string]
  expect(said).toBe('watching; Ctrl-C ends it')
  expect(await groups()).toHaveLength(1)

  const line = once(printed, 'line') as Promise<[string]>
  const { xid } = await pay(3)
  const fence = JSON.parse((await line)[0]) as WatchedFence
  expect(fence).toMatchObject({ tag: 'member:3:balance', commit: { xid }, rules: [{ rule: 1, name: 'balance' }] })
  expect(fence.commitToFenceMs).toBeLessThan(30_000)

  const exited = once(watching, 'exit')
  watching.kill('SIGINT')
  expect(await exited).toEqual([0, null])
  expect(await groups()).toEqual([])
})
