import { explainedKeys } from '@freshet/explain/api'
import { ExplainClient } from '@freshet/explain/client'
import { encodeInvalidation, topics } from '@freshet/events'
import { describe, expect, it, vi } from 'vitest'
import { startApi } from './api.js'

const balance = (id: number) => `member:${id}:balance`

describe('the API', () => {
  it('explains a key: what governs it, what fenced it last and by which row, hot or cold', async () => {
    const { world, url } = await startApi()
    world.catalogGap()
    await vi.waitFor(() => expect(world.inForce).toBe(true))
    world.reads('one', balance(42), 7)
    world.change(7)
    const { xid } = world.change(42)
    await vi.waitFor(() => expect(world.isDone).toBe(true))
    const client = new ExplainClient({ url })
    await vi.waitFor(async () => expect((await client.hotKeys(1)).keys).toHaveLength(1))
    const [explained, ...others] = await client.explainKey(balance(42))
    expect(others).toEqual([])
    expect(explained).toMatchObject({
      owner: 'world',
      template: 'balance',
      parameters: { id: '42' },
      rules: [{ rule: 0, source: 'public.members' }],
      cached: { value: { state: 'absent' } },
      history: { lastFence: { cause: 'change', change: { row: { id: '42' }, commit: { xid: String(xid) } } } },
      accesses: { hot: true, reads: 7, rank: 1 },
    })
    expect(explained?.cached.inForceSince).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/)
  })

  it('says what changes would fence, and of a key why not, and fences nothing', async () => {
    const { world, url } = await startApi()
    const client = new ExplainClient({ url })
    const before = world.published('invalidations').length
    const would = await client.explainChanges(
      [
        { table: 'public.members', insert: { id: 42 } },
        { table: 'public.members', delete: { id: 7 } },
      ],
      balance(42),
    )
    expect(would.fences.map(({ tag }) => tag)).toEqual([balance(42), balance(7), 'members:list:*'])
    expect(would.evictions).toEqual(['legacy:42', 'legacy:7'])
    expect(would.key?.map(([each]) => each?.fenced)).toEqual([true, false])
    expect(would.key?.[1]?.[0]?.rules[0]?.verdict).toEqual({
      whyNot: { reason: 'bound-otherwise', tags: [balance(7)] },
    })
    expect(world.published('invalidations')).toHaveLength(before)
  })

  it('lists catalogs and draws what rests on what', async () => {
    const { world, url } = await startApi()
    const client = new ExplainClient({ url })
    const [waiting] = await client.catalogs()
    expect(waiting).toMatchObject({ owner: 'world', version: '1' })
    expect(waiting?.inForceSince).toBeUndefined()
    world.catalogGap()
    await vi.waitFor(async () => expect((await client.catalogs())[0]?.inForceSince).toBeDefined())
    const { nodes, edges } = await client.graph()
    expect(nodes.map(({ label }) => label).sort()).toEqual([
      'member:{id}:balance',
      'members:list:{query}',
      'public.members',
    ])
    expect(edges).toHaveLength(2)
    const drawn = await fetch(`${url}/catalogs/graph?format=mermaid`)
    expect(drawn.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(await drawn.text()).toMatch(/^flowchart LR\n/)
  })

  it('ranks what is read most', async () => {
    const { world, url } = await startApi()
    world.reads('one', balance(42), 7)
    world.reads('one', balance(7), 3)
    const client = new ExplainClient({ url })
    await vi.waitFor(async () => expect((await client.hotKeys()).keys).toHaveLength(2))
    expect((await client.hotKeys(1)).keys).toMatchObject([{ key: balance(42), count: 7, rank: 1, hot: true }])
  })
})

describe('a watch', () => {
  const watch = async (url: string, tag?: string) => {
    const ending = new AbortController()
    const seen: string[] = []
    let isOver = false
    const started = Promise.withResolvers<void>()
    const client = new ExplainClient({ url })
    const options = { signal: ending.signal, onStart: () => started.resolve(), ...(tag !== undefined && { tag }) }
    const ended = (async () => {
      for await (const fence of client.watch(options)) seen.push(fence.tag)
      isOver = true
    })()
    ended.catch(started.reject)
    await started.promise
    return { seen, ended, ending, isOver: () => isOver }
  }

  it('shows fences as they happen, with their rule and the time since the commit', async () => {
    const { world, url } = await startApi()
    const ending = new AbortController()
    const fences = new ExplainClient({ url }).watch({
      tag: balance(42),
      signal: ending.signal,
      onStart: () => world.change(42),
    })
    expect(await fences.next()).toMatchObject({
      value: { tag: balance(42), cause: 'change', entity: 'member', rules: [{ owner: 'world', rule: 0 }] },
    })
    ending.abort()
    await expect(fences.next()).rejects.toThrow()
  })

  it('of a tag shows what concerns it, and no other watcher loses anything by it', async () => {
    const { world, url } = await startApi()
    const [one, all] = [await watch(url, balance(7)), await watch(url)]
    world.change(42)
    world.change(7)
    await vi.waitFor(() => expect(one.seen).toEqual([balance(7)]))
    await vi.waitFor(() =>
      expect(all.seen).toEqual(expect.arrayContaining([balance(42), balance(7), 'members:list:*'])),
    )
    for (const { ending, ended } of [one, all]) {
      ending.abort()
      await ended.catch(() => undefined)
    }
  })

  it('leaves no consumer group behind when the last watcher has gone', async () => {
    const { world, url } = await startApi()
    const before = world.kafka.groupNames()
    const { ending, ended } = await watch(url)
    expect(world.kafka.groupNames()).toHaveLength(before.length + 1)
    ending.abort()
    await ended.catch(() => undefined)
    await vi.waitFor(() => expect(world.kafka.groupNames()).toEqual(before))
  })

  it('ends when the service drains, which does not wait for its watchers', async () => {
    const { service, url } = await startApi()
    const { ended, isOver } = await watch(url)
    await service.close()
    await ended
    expect(isOver()).toBe(true)
  })

  it('that does not read holds so many fences at most, and is told how many were dropped', async () => {
    const { world, url } = await startApi()
    const response = await fetch(`${url}/watch`)
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    const readUntil = async (wanted: string): Promise<void> => {
      while (!text.includes(wanted)) text += (await reader?.read())?.value ?? ''
    }
    await readUntil('event: watching')
    const tags = Array.from({ length: 3_000 }, (_, id) => balance(id))
    const fence = { source: 'test', shard: 1, tags, cause: 'hand', fencedAt: Date.now() } as const
    world.kafka.append([{ topic: topics().invalidations, ...encodeInvalidation(fence) }])
    await readUntil('event: missed\ndata: {"fences":2000}\n\n')
    await readUntil(`"tag":"${balance(2_999)}"`)
    expect(text).not.toContain(`"tag":"${balance(1_999)}"`)
    await reader?.cancel()
  })
})

it('many explanations at once are made one after the other, and those that would wait long are refused', async () => {
  const { world, url } = await startApi()
  world.kafka.down = true
  const ask = async () => fetch(`${url}/explain/keys?key=${encodeURIComponent(balance(42))}`)
  const answers: Response[] = []
  const asked = Array.from({ length: 12 }, async () => void answers.push(await ask()))
  await vi.waitFor(() => expect(answers).toHaveLength(4))
  expect(answers.map(({ status, headers }) => [status, headers.get('retry-after')])).toEqual(Array(4).fill([503, '5']))
  world.kafka.down = false
  await Promise.all(asked)
  const explained = answers.filter(({ status }) => status === 200)
  expect(explained).toHaveLength(8)
  for (const answer of explained) explainedKeys.parse(await answer.json())
})
