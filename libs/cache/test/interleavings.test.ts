import { shardOf } from '@freshet/cache-keys'
import { expect, it } from 'vitest'
import { keys, World, type Balance, type Client } from './world/world.js'

const RUNS = 80
const STEPS = 40
const MEMBERS = 2

/** Numbers from a seed (mulberry32), so that a run that fails can be run again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Writers whose commits are fenced before or after readers can see them, and readers of three processes, all at once. */
async function run(seed: number): Promise<{ hits: number; tooOld: string[] }> {
  const random = randomFrom(seed)
  const delay = (): Promise<void> => turns(random(4))
  const world = await World.open()
  const clients = [world.client({ delay }), world.client({ delay, l1: true }), world.client({ delay, l1: true })]
  /** The newest state of each member whose fence every layer has heard. */
  const fencedUpTo = new Map<number, number>()
  const tooOld: string[] = []
  let states = 0

  async function write(member: number): Promise<void> {
    const state = ++states
    const change = world.primary.begin(String(member), { amount: state })
    const tag = { text: `member:${member}:balance`, shard: shardOf(`member:${member}`) }
    const show = turns(random(12)).then(() => change.show())
    await delay()
    await world.fence(change, tag)
    world.publish(tag)
    fencedUpTo.set(member, Math.max(state, fencedUpTo.get(member) ?? 0))
    await show
  }

  const load = (member: number) => async (): Promise<Balance> => {
    await delay()
    const row = (world.primary.rows.get(String(member)) ?? { amount: 0 }) as Balance
    await delay()
    return row
  }

  async function read({ cache }: Client, member: number, derived: boolean): Promise<void> {
    const expected = fencedUpTo.get(member) ?? 0
    const balance = keys.balance.of({ id: member })
    const reading = derived
      ? await cache.read(keys.statement.of({ id: member }), () => cache.get(balance, load(member)))
      : await cache.read(balance, load(member))
    const { amount } = reading.value as Balance
    if (reading.vouched && amount < expected)
      tooOld.push(`seed ${seed}: ${derived ? 'statement' : 'balance'} ${amount} < ${expected} from ${reading.layer}`)
  }

  // States must be fenced in the order in which they are written, as one partition has them.
  const lastWrite = new Map<number, Promise<void>>()
  const running: Promise<unknown>[] = []
  for (let step = 0; step < STEPS; step++) {
    const member = random(MEMBERS)
    const kind = random(10)
    if (kind < 2) {
      const written = (lastWrite.get(member) ?? Promise.resolve()).then(() => write(member))
      lastWrite.set(member, written)
      running.push(written)
    } else if (kind === 2) running.push(delay().then(() => world.prune()))
    else running.push(read(clients[random(clients.length)] as Client, member, random(3) === 0))
    await delay()
  }
  await Promise.all(running)
  const hits = clients
    .flatMap(({ counts }) => [...counts.templates().values()])
    .reduce((sum, { hits: { l1, l2 } }) => sum + l1 + l2, 0)
  return { hits, tooOld }
}

it('no vouched value is older than what was fenced before its read began, however the steps fall', async () => {
  const first = 1 + Math.floor(Math.random() * 1e9)
  const tooOld: string[] = []
  let hits = 0
  for (let seed = first; seed < first + RUNS; seed++) {
    const outcome = await run(seed)
    tooOld.push(...outcome.tooOld)
    hits += outcome.hits
  }
  expect(tooOld).toEqual([])
  expect(hits).toBeGreaterThan(RUNS) // a client that never stores would pass
}, 60_000)
