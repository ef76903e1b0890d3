import { createServer, type AddressInfo, type Socket } from 'node:net'
import { freePorts } from '@freshet/local-stack'
import { lsn, xid } from '@freshet/pgoutput'
import { connectRedis, FenceUnavailableError, ValuesUnavailableError, type RedisPort } from '@freshet/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRealRedis, type RealRedis } from './real-redis.js'

const cursor = { topic: 't', partition: 0, cursor: { offset: 9n } }
const address = { shard: 7, fingerprint: 'f', keyText: 'k' }
const fences = [{ shard: 7, tags: ['a:*'], transactions: [{ xid: xid(3n), lsn: lsn(4n) }] }]
const takeFloor = () => Promise.resolve({ floor: xid(1n), pruned: lsn(1n) })

let redis: RealRedis
let port: RedisPort

beforeAll(async () => {
  redis = await startRealRedis('connection')
  port = await redis.connect()
})
beforeEach(() => redis.flush())
afterAll(async () => {
  await port.close()
  await redis.stop()
})

describe('a Redis that is not there', () => {
  it('fails a read at once, so that the source can answer', async () => {
    const [nobody = 0] = await freePorts(1)
    const lost = connectRedis({ url: `redis://127.0.0.1:${nobody}`, namespace: 'n', role: 'client' })
    const begun = performance.now()
    await expect(lost.values.read({ ...address, tags: [] })).rejects.toBeInstanceOf(ValuesUnavailableError)
    await expect(lost.values.capture([{ shard: 7, tag: 'a' }], 1_000)).rejects.toBeInstanceOf(ValuesUnavailableError)
    expect(performance.now() - begun).toBeLessThan(250)
    expect(() => lost.fences.session()).toThrow(FenceUnavailableError)
    await expect(lost.ready(50)).rejects.toThrow(/waited 50 ms/)
    expect(lost.health().state).toBe('disconnected')
    await lost.close()
  })

  it('fails a read at once also where something accepts but says nothing', async () => {
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port: number } = silent.address() as AddressInfo
    const lost = connectRedis({ url: `redis://127.0.0.1:${number}`, namespace: 'n', role: 'client' })
    const accepted = new Promise<Socket>((resolve) => silent.once('connection', resolve))
    const socket = await accepted
    const begun = performance.now()
    await expect(lost.values.read({ ...address, tags: [] })).rejects.toBeInstanceOf(ValuesUnavailableError)
    expect(performance.now() - begun).toBeLessThan(250)
    await lost.close()
    socket.destroy()
    await new Promise((resolve) => silent.close(resolve))
  })

  it('is connected to once it is there again, without anyone asking', async () => {
    const begun = port.fences.session()
    await redis.restart()
    await port.ready()
    await expect(begun.cursors('t')).rejects.toBeInstanceOf(FenceUnavailableError)
    expect(await port.fences.session().cursors('t')).toEqual(new Map())
    expect(port.health()).toEqual({ state: 'connected' })
  })
})

describe('a Redis that does not answer', () => {
  it('ends the session when the reply is overdue, and its connection with it', async () => {
    const hasty = connectRedis({ url: redis.url, namespace: 'connection', role: 'client', replyTimeoutMs: 150 })
    await hasty.ready()
    const session = hasty.fences.session()
    await redis.pause()
    await expect(session.moveCursors([cursor])).rejects.toBeInstanceOf(FenceUnavailableError)
    expect(session.isOver()).toBe(true)
    await redis.resume()
    await hasty.ready()
    await hasty.fences.session().cursors('t')
    await hasty.close()
  })

  it('a cursor move that was under way when the connection broke is neither left hanging nor sent again (R13)', async () => {
    const session = port.fences.session()
    await redis.direct.call('CLIENT', 'PAUSE', '10000', 'WRITE')
    const move = session.moveCursors([cursor])
    const failed = expect(move).rejects.toBeInstanceOf(FenceUnavailableError)
    await redis.breakConnections()
    await failed
    await redis.direct.call('CLIENT', 'UNPAUSE')
    expect(await port.fences.session().cursors('t')).toEqual(new Map())
  })
})

describe('a Redis that answers with an error', () => {
  it('is not fenced in halves: where a transaction could not be added nothing is rotated (R7)', async () => {
    const { generations } = await port.values.capture([{ shard: 7, tag: 'a:*' }], 60_000)
    await redis.direct.set('{connection:7}:r', 'not a hash')
    const session = port.fences.session()
    await expect(session.fence(fences)).rejects.toThrow(/WRONGTYPE.*read the cursors/)
    expect(session.isOver()).toBe(true)
    expect(await port.values.generations([{ shard: 7, tag: 'a:*' }])).toEqual(generations)
    await expect(session.cursors('t')).rejects.toBeInstanceOf(FenceUnavailableError)
    expect(port.fences.session().isOver()).toBe(false)
  })

  it('has lost its scripts: they are loaded again', async () => {
    await port.fences.session().recover([7], takeFloor)
    await redis.direct.script('FLUSH')
    await port.fences.session().fence(fences)
    expect(await redis.direct.hget('{connection:7}:r', '3')).toBe('4')
  })
})
