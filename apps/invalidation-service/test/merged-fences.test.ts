import { bindKey, bindWildcard, keyTag, parseTemplate, parseWildcard, templateTag } from '@freshet/cache-keys'
import { lsn, xid } from '@freshet/pgoutput'
import type { Commit } from '@freshet/planner'
import { expect, it } from 'vitest'
import { MergedFences } from '../src/batch/merged-fences.js'

const template = parseTemplate('member:{id}:balance')
const noWindows = () => []
const keyOf = (id: number) => keyTag(bindKey(template, { id }))
const commit = (id: bigint, at: number): Commit => ({ xid: xid(id), lsn: lsn(id), at })
const plan = (...tags: ReturnType<typeof keyOf>[]) => ({
  fences: tags.map((tag) => ({ tag, because: [] })),
  evictions: [],
  refreshes: [],
})

it('a tag that many commits fence is fenced once, under all of them', () => {
  const fences = new MergedFences()
  for (const id of [3n, 1n, 2n, 3n]) fences.add(plan(keyOf(42)), commit(id, 100 + Number(id)), false)
  const [shard, ...others] = fences.shardFences(noWindows)
  expect(others).toEqual([])
  expect(shard?.tags).toEqual(['member:42:balance'])
  expect(shard?.transactions.map(({ xid: each }) => each)).toEqual([3n, 1n, 2n])
  expect(fences.announcements).toMatchObject([{ tags: ['member:42:balance'], commit: { xid: 1n } }])
  expect(fences.oldestCommit?.xid).toBe(1n)
})

it("a template's tag goes to every shard, and is announced once", () => {
  const fences = new MergedFences()
  fences.fence(templateTag(template), commit(1n, 1), false)
  expect(fences.shardFences(noWindows)).toHaveLength(1_024)
  expect(fences.announcements).toMatchObject([{ shard: 'all', tags: ['*member:{id}:balance'] }])
})

it('tags of one shard are announced together', () => {
  const fences = new MergedFences()
  const wildcard = bindWildcard(parseWildcard('member:{id}:*'), { id: 42 })
  fences.add(plan(keyOf(42), wildcard), commit(1n, 1), false)
  expect(fences.announcements).toMatchObject([{ tags: ['member:42:balance', 'member:42:*'] }])
})

it('two tags of one text in different shards are both fenced', () => {
  const text = (template: string, parameters: Record<string, string>) =>
    keyTag(bindKey(parseTemplate(template), parameters))
  const [one, other] = [text('a:b:{c}', { c: 'x' }), text('a:{b}:x', { b: 'b' })]
  expect(one.text).toBe(other.text)
  const fences = new MergedFences()
  fences.add(plan(one, other), commit(1n, 1), false)
  expect(fences.shardFences(noWindows).map(({ shard }) => shard)).toEqual([one.shard, other.shard])
})

it('windows are opened for what no record fences that may have been applied before', () => {
  const fences = new MergedFences()
  for (const [id, isRepeat] of [
    [1, true],
    [1, false],
    [2, false],
  ] as const)
    fences.add(plan(keyOf(id)), commit(1n, 1), isRepeat)
  const repeats = new Map<string, boolean>()
  const shards = fences.shardFences((tag, isRepeat) => (repeats.set(tag.text, isRepeat), isRepeat ? [] : [5_000]))
  expect([...repeats.values()]).toEqual([true, false])
  expect(shards.map(({ windowsMs }) => windowsMs?.get('member:2:balance'))).toEqual([undefined, [5_000]])
})

it('each refresh and each eviction is done once', () => {
  const fences = new MergedFences()
  const refresh = { owner: 'o', template: 'balance', key: 'member:42:balance', parameters: { id: 42 } }
  for (const id of [1n, 2n])
    fences.add({ fences: [], evictions: ['legacy:42'], refreshes: [refresh] }, commit(id, 1), false)
  expect(fences.evictions).toEqual(['legacy:42'])
  expect(fences.refreshes).toEqual([refresh])
  expect(fences.isEmpty).toBe(false)
})

it('two services whose keys share a text both have theirs refreshed', () => {
  const fences = new MergedFences()
  const refresh = { owner: 'one', template: 'balance', key: 'member:42:balance', parameters: { id: 42 } }
  const refreshes = [refresh, { ...refresh, owner: 'other' }]
  fences.add({ fences: [], evictions: [], refreshes }, commit(1n, 1), false)
  expect(fences.refreshes).toEqual(refreshes)
})

it("a template's tag under many transactions needs one floor, not a field for each in every shard", () => {
  const fences = new MergedFences()
  for (let id = 1n; id <= 100n; id++) fences.fence(templateTag(template), commit(id, 1), false)
  fences.add(plan(keyOf(42)), commit(7n, 1), false)
  expect(fences.crowded).toEqual([templateTag(template)])
  expect(fences.shardFences(noWindows)).toMatchObject([{ tags: ['member:42:balance'] }])
  expect(fences.announcements.map(({ shard }) => shard)).toContain('all')
})

it('no announcement is too long for a broker', () => {
  const fences = new MergedFences()
  const long = parseTemplate('member:{id}:{name}')
  const names = Array.from({ length: 500 }, (_, at) => `${at}`.padEnd(2_000, 'x'))
  for (const name of names) fences.add(plan(keyTag(bindKey(long, { id: 42, name }))), commit(1n, 1), false)
  expect(fences.announcements.length).toBeGreaterThan(4)
  expect(Math.max(...fences.announcements.map(({ tags }) => tags.join().length))).toBeLessThan(300_000)
  expect(fences.announcements.flatMap(({ tags }) => tags)).toHaveLength(500)
})
