import { setTimeout as delay } from 'node:timers/promises'
import { SHARDS } from '@freshet/cache-keys'
import { parseSnapshot, type AppliedWatermark } from '@freshet/coherence'
import type { RedisNode } from '@freshet/local-stack'
import { lsn, xid } from '@freshet/pgoutput'
import { FenceUnavailableError, ValuesUnavailableError, type FenceSession, type RedisPort } from '@freshet/redis'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Keys } from '../src/keys.js'
import { slotOf } from '../src/slots.js'
import { startRealCluster, type RealCluster } from './real-cluster.js'

const namespace = 'cluster'
const keys = new Keys(namespace)
const everyShard = Array.from({ length: SHARDS }, (_, shard) => shard)
const topic = 'member.changes.v1'
const at = (offset: bigint) => ({ topic, partition: 0, cursor: { offset } })
const mark = (position: bigint): AppliedWatermark => ({
  lsn: lsn(position),
  snapshot: parseSnapshot('1:1:'),
  systemId: '1',
  timeline: 1,
  databaseTimeMs: 1,
})

let redis: RealCluster
let service: RedisPort
let client: RedisPort

beforeEach(async () => {
  redis = await startRealCluster(namespace)
  service = await redis.connect()
  client = await redis.connect({ role: 'client' })
}, 120_000)
afterEach(async () => {
  await Promise.all([service.close(), client.close()])
  await redis.stop()
})

/** A new session, as soon as there can be one. */
async function nextSession(): Promise<FenceSession> {
  for (const deadline = performance.now() + 15_000; ; await delay(10)) {
    const session = attempt(() => service.fences.session())
    if (session) return session
    if (performance.now() > deadline) throw new Error(`no session in 15 s: ${JSON.stringify(service.health())}`)
  }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof FenceUnavailableError) return undefined
    throw error
  }
}

/** What comes of a piece of work, by a service that begins anew after each error. */
const onNextSession = (work: (session: FenceSession) => Promise<unknown>) =>
  expect.poll(
    () =>
      nextSession()
        .then(work)
        .catch((error: FenceUnavailableError) => error.code),
    { timeout: 15_000 },
  )

const nextOffset = () => onNextSession(offsetOf)

/** The shards of each master that began as one, in the order of the pairs. */
async function shardsOf(node: RedisNode): Promise<number[]> {
  const owners = await Promise.all(
    everyShard.map(async (shard) => [shard, await redis.cluster.masterOf(keys.recent(shard))] as const),
  )
  return owners.filter(([, owner]) => owner.url === node.url).map(([shard]) => shard)
}

function pair(position: number): { master: RedisNode; replica: RedisNode } {
  const found = redis.cluster.pairs[position]
  if (!found) throw new Error('a cluster has three pairs')
  return found
}

async function offsetOf(session: FenceSession): Promise<bigint | undefined> {
  return (await session.cursors(topic)).get(0)?.offset
}

it('all of a shard lies in one slot, and it is the one that the servers say', async () => {
  const address = { shard: 7, fingerprint: 'f', keyText: 'member:{x}:y' }
  const ofShard = [
    keys.value(address),
    keys.generation(7, 'a:{b}'),
    keys.recent(7),
    keys.applied(7),
    keys.spokenFor(7),
    keys.home({ place: 7, digest: 'd' }),
  ]
  const ofNamespace = [keys.catalogs, keys.gapProgress('g'), keys.applied('namespace'), keys.spokenFor('namespace')]
  for (const together of [ofShard, ofNamespace]) expect(new Set(together.map(slotOf)).size).toBe(1)
  const direct = redis.direct(pair(0).master)
  for (const key of [...ofShard, ...ofNamespace, 'plain', '{}x', 'a{}{b}', 'ä{ö}'])
    expect([key, slotOf(key)]).toEqual([key, await direct.cluster('KEYSLOT', key)])
})

it('a session is over once a master failed over, and the next begins at the lowest cursor of all', async () => {
  const { master, replica } = pair(1)
  const before = service.fences.session()
  await before.moveCursors([at(50n)])
  await redis.cluster.settled()
  await redis.cluster.fallBehind(replica)
  await before.moveCursors([at(100n)])
  const id = service.redisId()
  await master.server.kill('SIGKILL')
  await redis.cluster.failOver(replica, 'TAKEOVER')
  await expect(before.moveCursors([at(110n)])).rejects.toBeInstanceOf(FenceUnavailableError)
  expect(before.isOver()).toBe(true)
  const after = await nextSession()
  expect(await offsetOf(after)).toBe(50n)
  expect(service.redisId()).not.toBe(id)
  await expect.poll(() => client.redisId()).toBe(service.redisId())
  await after.moveCursors([at(60n)])
  expect(await offsetOf(after)).toBe(60n)
  expect(await offsetOf(service.fences.session())).toBe(60n)
}, 60_000)

it('a master that wakes after its replica took over takes no cursor along', async () => {
  const { master, replica } = pair(1)
  const before = service.fences.session()
  await before.moveCursors([at(50n)])
  await redis.cluster.fallBehind(replica)
  await before.moveCursors([at(100n)])
  await master.server.kill('SIGSTOP')
  await redis.cluster.failOver(replica, 'TAKEOVER')
  const move = before.moveCursors([at(110n)])
  await master.server.kill('SIGCONT')
  await move.catch(() => undefined) // whether it is taken or not: it is taken on a copy that is thrown away
  const after = await nextSession()
  await nextOffset().toBe(50n)
  expect(after).not.toBe(before)
}, 60_000)

it('a master that lost its part and won it back holds another history, though the connection never broke', async () => {
  const { master, replica } = pair(1)
  const session = service.fences.session()
  await session.moveCursors([at(50n)])
  await redis.cluster.fallBehind(replica)
  await session.moveCursors([at(100n)])
  await redis.cluster.failOver(replica, 'TAKEOVER')
  await redis.cluster.settled() // it follows, and has thrown its own away
  await redis.cluster.failOver(master, 'TAKEOVER')
  await expect(session.moveCursors([at(110n)])).rejects.toBeInstanceOf(FenceUnavailableError)
  await nextOffset().toBe(50n)
}, 60_000)

it('a fence that cannot be added on one master rotates nothing on any (R7)', async () => {
  const [one, other] = [(await shardsOf(pair(0).master))[1] ?? 0, (await shardsOf(pair(1).master))[1] ?? 0]
  const places = [one, other].map((shard) => ({ shard, tag: 'a:*' }))
  const { generations } = await client.values.capture(places, 60_000)
  await redis.direct(pair(1).master).set(keys.recent(other), 'not a hash')
  const fences = places.map(({ shard, tag }) => ({
    shard,
    tags: [tag],
    transactions: [{ xid: xid(3n), lsn: lsn(4n) }],
  }))
  await expect(service.fences.session().fence(fences)).rejects.toThrow(/WRONGTYPE/)
  expect(await client.values.generations(places)).toEqual(generations)
}, 60_000)

it('a capture asks for no recent record before every master has its generations (R2)', async () => {
  const [here, there] = [pair(0).master, pair(1).master]
  const places = [(await shardsOf(here))[1] ?? 0, (await shardsOf(there))[1] ?? 0].map((shard) => ({ shard, tag: 'a' }))
  const monitor = await redis.direct(here).monitor()
  const seen: string[] = []
  monitor.on('monitor', (_time: string, [name = '', key = '']: string[]) => {
    if (key.startsWith(keys.braces(places[0]?.shard ?? 0))) seen.push(name.toLowerCase())
  })
  await there.server.kill('SIGSTOP')
  const captured = client.values.capture(places, 60_000)
  await delay(300)
  expect(seen).toEqual(['set', 'mget'])
  await there.server.kill('SIGCONT')
  await captured
  await expect.poll(() => seen).toEqual(['set', 'mget', 'hgetall'])
  monitor.disconnect()
}, 60_000)

it('a cursor that came with its slot from another master is not believed: it says nothing of what else lies there', async () => {
  const [from, to] = [pair(0).master, pair(1).master]
  await service.fences.session().moveCursors([at(100n)])
  const home = (await shardsOf(from))[0] ?? 0
  await redis.cluster.moveSlotOf(keys.recent(home), to)
  const session = await nextSession()
  await nextOffset().toBeUndefined()
  expect(session.isOver()).toBe(true)
}, 60_000)

it('a shard that names a home which cannot be is lost history, and no error', async () => {
  const session = service.fences.session()
  await session.moveCursors([at(100n)])
  const [shard = 0] = await shardsOf(pair(0).master)
  await redis.direct(pair(0).master).set(keys.spokenFor(shard), '5000:abc')
  expect(await offsetOf(service.fences.session())).toBeUndefined()
  const next = service.fences.session()
  await next.moveCursors([at(110n)])
  expect(await offsetOf(next)).toBe(110n)
}, 60_000)

it('a shard that came from a master which was behind is replayed from there, also when that master lets it go first', async () => {
  const { master, replica } = pair(0)
  const session = service.fences.session()
  await session.moveCursors([at(50n)])
  const [, shard = 0] = await shardsOf(master) // the first is the home
  await redis.cluster.fallBehind(replica)
  await session.moveCursors([at(100n)])
  await master.server.kill('SIGKILL')
  await redis.cluster.failOver(replica, 'TAKEOVER')
  await redis.cluster.moveSlotOf(keys.recent(shard), pair(1).master)
  await nextOffset().toBe(50n)
  // and were that home to come along, or the whole master to leave, nobody would speak for the shard
  await redis.cluster.moveSlotOf(keys.recent((await shardsOf(replica))[0] ?? 0), pair(1).master)
  await nextOffset().toBeUndefined()
}, 60_000)

it('a shard that came from another master is to be fenced before it is named: what that one deleted may still lie here', async () => {
  const { master, replica } = pair(0)
  const home = service.fences.session()
  await home.moveCursors([at(50n)])
  expect(await home.arrivedShards()).toEqual([])
  const [, shard = 0] = await shardsOf(master) // the first is the home
  const tags = [
    { shard, tag: 'a' },
    { shard, tag: '*t' },
  ]
  const [old, oldOfTemplate] = (await client.values.capture(tags, 60_000)).generations
  const generations = () => client.values.generations(tags).catch(() => [])
  await redis.cluster.settled()
  // the replica takes over without the deletions of a slot that has gone, and the slot comes back
  await redis.cluster.fallBehind(replica)
  await redis.cluster.moveSlotOf(keys.recent(shard), pair(1).master)
  await onNextSession((session) => session.arrivedShards()).toEqual([shard])
  await onNextSession(async (session) => {
    await session.gap([{ text: '*t', shard }], async () => ({ floor: xid(1n), pruned: lsn(1n) }))
    await session.rotateOnly([{ text: 'a', shard }])
    await session.moveCursors([at(60n)])
    return session.arrivedShards()
  }).toEqual([])
  let successor: string | null | undefined
  await expect.poll(() => generations().then((found) => (successor = found[1])), { timeout: 15_000 }).toBeTruthy()
  expect(successor).not.toBe(oldOfTemplate)
  await master.server.kill('SIGKILL')
  await redis.cluster.failOver(replica, 'TAKEOVER')
  await onNextSession(async (session) => {
    await session.moveCursors([at(70n)])
    return session.arrivedShards()
  }).toEqual([])
  await redis.cluster.moveSlotOf(keys.recent(shard), replica)
  // what was deleted is there again; the template's generation, which every value of it needs, is its successor
  await expect.poll(generations, { timeout: 15_000 }).toEqual([old, successor])
  await onNextSession((session) => session.arrivedShards()).toEqual([shard])
}, 60_000)

it('a slot that moves while clients read and fences go on neither keeps what was fenced nor costs a gap', async () => {
  const [from, to] = [pair(0).master, pair(1).master]
  const shard = (await shardsOf(from))[5] ?? 0
  const place = { shard, tag: 'member:1:*' }
  const fence = [{ shard, tags: [place.tag], transactions: [{ xid: xid(5n), lsn: lsn(5n) }] }]
  await service.fences.session().moveCursors([at(100n)])
  let [fenced, refused, reads, misses] = [0, 0, 0, 0]
  let confirmed: readonly string[] = []
  let isMoving = true
  const servicing = (async () => {
    while (isMoving || refused === 0) {
      try {
        const { generations } = await client.values.capture([place], 60_000)
        await (await nextSession()).fence(fence)
        confirmed = generations
        fenced++
      } catch (error) {
        if (!(error instanceof FenceUnavailableError || error instanceof ValuesUnavailableError)) throw error
        refused++
      }
      await delay(1)
    }
  })()
  const reading = (async () => {
    while (isMoving) {
      const old = confirmed
      const found = await client.values.generations([place]).catch(() => undefined)
      if (found === undefined) misses++
      else reads++
      if (found?.[0]) expect(old).not.toContain(found[0])
      await delay(1)
    }
  })()
  for (const target of [to, from, to]) {
    await delay(200)
    await redis.cluster.moveSlotOf(keys.recent(shard), target)
  }
  await delay(500)
  isMoving = false
  await Promise.all([servicing, reading])
  process.stdout.write(
    `slot moved three times: ${fenced} fences, ${refused} refused; ${reads} reads, ${misses} misses\n`,
  )
  expect(fenced).toBeGreaterThan(20)
  await nextOffset().toBe(100n)
}, 60_000)

it('a read with a token is not honoured by a watermark that is behind, nor by that of a master which the shard did not come up on (G3)', async () => {
  const { master, replica } = pair(0)
  const [home = 0, shard = 0] = await shardsOf(master)
  const session = service.fences.session()
  await session.moveCursors([at(1n)])
  await session.noteApplied([{ topic, partition: 0, watermark: mark(10n) }])
  await redis.cluster.fallBehind(replica)
  await session.noteApplied([{ topic, partition: 0, watermark: mark(20n) }])
  const read = (wanted: number, others: readonly number[] = []) =>
    client.values.read(
      { shard: wanted, fingerprint: 'f', keyText: 'k', tags: ['a'], withApplied: true },
      others.map((each) => ({ shard: each, tag: 'b' })),
    )
  const elsewhere = (await shardsOf(pair(1).master))[0] ?? 0
  expect((await read(shard, [home, elsewhere])).applied?.lsn).toBe(20n)
  expect((await client.values.applied())?.lsn).toBe(20n)
  const answered = async (wanted: number, others: readonly number[] = []) =>
    read(wanted, others).then(
      ({ applied }) => applied?.lsn ?? 'unknown',
      () => 'no answer',
    )
  const spokenFor = (await redis.direct(master).get(keys.spokenFor(shard))) ?? ''
  await redis.direct(master).set(keys.spokenFor(shard), '3:0123456789abcdef') // as on a shard that left and came back older
  expect([await answered(shard), await answered(home), await answered(home, [shard])]).toEqual([
    'unknown',
    20n,
    'unknown',
  ])
  await redis.direct(master).set(keys.spokenFor(shard), spokenFor)
  await master.server.kill('SIGKILL')
  await redis.cluster.failOver(replica, 'TAKEOVER')
  await expect.poll(() => answered(shard), { timeout: 10_000 }).toBe('unknown')
  expect(await answered(elsewhere)).toBe(20n)
  expect(await answered(elsewhere, [shard])).toBe('unknown')
  expect(await client.values.applied()).toBeUndefined()
  await redis.cluster.moveSlotOf(keys.recent(shard), pair(1).master)
  await expect.poll(() => answered(shard), { timeout: 10_000 }).toBe('unknown')
  await onNextSession((next) => next.noteApplied([{ topic, partition: 0, watermark: mark(12n) }])).toBeUndefined()
  await expect.poll(() => answered(shard, [home, elsewhere]), { timeout: 10_000 }).toBe(12n)
}, 60_000)

it('a master that is away takes only its own shards along: the rest is read, and what is away fails at once', async () => {
  const { master } = pair(0)
  const [gone, there] = [(await shardsOf(master))[3] ?? 0, (await shardsOf(pair(1).master))[3] ?? 0]
  const values = [gone, there].map((shard) => ({ shard, fingerprint: 'f', keyText: 'k' }))
  for (const address of values) {
    await client.values.capture([{ shard: address.shard, tag: 'a' }], 60_000)
    await client.values.store(address, Buffer.from('v'), 60_000, [])
  }
  await master.server.kill('SIGKILL')
  await expect.poll(() => client.health().state).toBe('disconnected')
  const begun = performance.now()
  const [lost, held] = await Promise.allSettled(
    values.map((address) => client.values.read({ ...address, tags: ['a'] })),
  )
  expect(performance.now() - begun).toBeLessThan(250)
  expect(lost).toMatchObject({ status: 'rejected', reason: { code: 'VALUES_UNAVAILABLE' } })
  expect(held).toMatchObject({ status: 'fulfilled', value: { value: Buffer.from('v') } })
  expect(JSON.stringify(client.health())).toContain(new URL(master.url).host)
  expect(attempt(() => service.fences.session())).toBeUndefined()
  await expect // its replica takes over by itself
    .poll(
      () =>
        client.values.read({ shard: gone, fingerprint: 'f', keyText: 'k', tags: ['a'] }).then(
          ({ value }) => value?.toString(),
          () => 'away',
        ),
      { timeout: 20_000 },
    )
    .toBe('v')
  await nextSession()
}, 60_000)

it('preflight looks at every master', async () => {
  expect(await service.preflight()).toEqual([])
  await redis.direct(pair(2).master).config('SET', 'maxmemory-policy', 'allkeys-lru')
  expect(await service.preflight()).toMatchObject([{ code: 'eviction' }])
})
