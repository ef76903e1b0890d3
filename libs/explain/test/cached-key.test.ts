import { beforeEach, describe, expect, it } from 'vitest'
import { catalog, key, table, wildcard } from '@freshet/catalog'
import { encodeValue, type ShardTag } from '@freshet/coherence'
import { describeKey } from '@freshet/planner'
import type { ValueStore } from '@freshet/redis'
import { FakeRedisServer } from '@freshet/testing'
import { readCached, type CachedKey } from '@freshet/explain'

const balance = key('member:{id}:balance', { ttl: '1h' })
const members = table('public.members', { entity: 'member', key: ['id'], columns: { id: 'id' } })
const shop = catalog('shop', {
  version: '1',
  keys: { balance },
  rules: [members.any.fences((m) => [balance.of({ id: m.id }), wildcard('member:{id}:*', { id: m.id })])],
})
const [described] = describeKey([shop], 'member:42:balance')
if (described === undefined) throw new Error('the key is of no template')
const { shard } = described
const tags = described.tags.map(({ text }): ShardTag => ({ shard, tag: text }))
const inherited: ShardTag = { shard: 7, tag: 'rates:EUR' }

describe('of a key, it is said', () => {
  let values: ValueStore
  const look = (): Promise<CachedKey> => readCached(values, described, 13_000)

  /** As a client stores it: under the generations of now. */
  const fill = async (...further: readonly ShardTag[]): Promise<void> => {
    const { generations } = await values.capture([...tags, ...further], 60_000)
    const g = generations.slice(0, tags.length)
    const x = further.map((tag, at) => [tag.shard, tag.tag, generations[tags.length + at] ?? ''] as const)
    const header = { v: 1, g, ...(x.length > 0 && { x }), at: 1_000, ttl: 60_000 } as const
    const address = { shard, fingerprint: described.fingerprint, keyText: described.key }
    await values.store(address, encodeValue(header, Buffer.from('{}')), 60_000, tags)
  }

  beforeEach(() => {
    values = new FakeRedisServer().connect().values
  })

  it('that nothing is cached, and that its catalog is not in force', async () => {
    const seen = await look()
    expect(seen).toEqual({
      value: { state: 'absent' },
      tags: ['member:42:balance', 'member:42:*', '*member:{id}:balance'].map((tag) => ({ tag, shard })),
    })
  })

  it('how old a fresh value is, and under which generations it was filled', async () => {
    await fill()
    const { value, tags: seen } = await look()
    expect(value).toEqual({ state: 'fresh', ageMs: 12_000, ttlMs: 60_000 })
    for (const { generation, filledUnder } of seen) expect(filledUnder).toBe(generation)
    expect(seen.every(({ generation }) => generation !== undefined)).toBe(true)
  })

  it('by which tag a value is fenced', async () => {
    await fill()
    await values.rotate([{ text: 'member:42:*', shard }])
    expect((await look()).value).toMatchObject({ state: 'not fresh', reason: 'generation-lost', tag: 'member:42:*' })
    await values.capture(tags, 60_000) // someone asks again
    expect((await look()).value).toMatchObject({ state: 'not fresh', reason: 'fenced', tag: 'member:42:*' })
  })

  it('which tags its value inherited, and that one of them is fenced', async () => {
    await fill(inherited)
    expect((await look()).value).toMatchObject({ state: 'fresh' })
    await values.rotate([{ text: inherited.tag, shard: inherited.shard }])
    const { value, tags: seen } = await look()
    expect(value).toMatchObject({ state: 'not fresh', tag: 'rates:EUR' })
    expect(seen.at(-1)).toMatchObject({ tag: 'rates:EUR', shard: 7, further: true })
    expect(seen.at(-1)?.generation).toBeUndefined()
  })

  it('that a value cannot be read by this version', async () => {
    const address = { shard, fingerprint: described.fingerprint, keyText: described.key }
    await values.store(address, Buffer.from([9, 9]), 60_000, [])
    expect((await look()).value).toEqual({ state: 'unreadable' })
  })
})
