import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  entriesOfRotation,
  entriesToAsk,
  isServableStale,
  judgeRead,
  shardTagText,
  takesStale,
  windowEntry,
  windowsToOpen,
  type ShardTag,
  type StaleRequest,
  type ValueHeader,
} from '../src/index.js'
import { anyLsn } from './arbitraries.js'

const required: ShardTag[] = [
  { shard: 7, tag: 'member:42:profile' },
  { shard: 7, tag: 'member:{id}:profile' },
]
const generation = fc.constantFrom('g1', 'g2', 'g3')
const current = fc.option(generation, { nil: null })
const further = fc.uniqueArray(fc.tuple(fc.nat(3), fc.constantFrom('a:*', 'b:*'), generation), {
  maxLength: 3,
  selector: ([shard, tag]) => `${shard}/${tag}`,
})
const header = (g: readonly string[], x?: ValueHeader['x']): ValueHeader => ({
  v: 1,
  g,
  ...(x && { x }),
  at: 0,
  ttl: 1,
})
const windowMs = fc.constantFrom(0, 5_000, 60_000)

describe('a window is opened for a generation once, in the moment in which it ends', () => {
  it('with one entry for each window, which lives as long as that', () => {
    fc.assert(
      fc.property(generation, fc.uniqueArray(fc.integer({ min: 1 })), (ended, windowsMs) => {
        const entries = entriesOfRotation('a:*', ended, windowsMs)
        expect(entries.map(({ pxMs }) => pxMs)).toEqual(windowsMs)
        expect(new Set(entries.map(({ entry }) => entry)).size).toBe(windowsMs.length)
      }),
    )
  })

  it('a rotation that is repeated, and one of a tag that nobody caches, opens none', () => {
    expect(entriesOfRotation('a:*', undefined, [5_000])).toEqual([])
  })

  it('entries of other tags, generations and windows have other names', () => {
    const place = fc.tuple(fc.constantFrom('a', 'a:*', 'a:b'), generation, windowMs)
    fc.assert(
      fc.property(place, place, (one, other) => {
        expect(windowEntry(...one) === windowEntry(...other)).toBe(one.join('|') === other.join('|'))
      }),
    )
  })
})

describe('the windows that a rotation opens', () => {
  const hot = fc.array(windowMs)

  it('are the distinct ones of the hot keys that the tag covers; a strict key has none', () => {
    expect(windowsToOpen({ cause: 'change', isRepeat: false }, [60_000, 0, 5_000, 60_000])).toEqual([5_000, 60_000])
  })

  it('are none after a gap, a fence of a template or by hand, and for a record that may have been applied before', () => {
    fc.assert(
      fc.property(hot, fc.constantFrom('template', 'gap', 'by-hand'), fc.boolean(), (windows, cause, isRepeat) => {
        expect(windowsToOpen({ cause, isRepeat }, windows)).toEqual([])
        expect(windowsToOpen({ cause: 'change', isRepeat: true }, windows)).toEqual([])
      }),
    )
  })
})

describe('a value that is not fresh is served stale only if each tag that no longer matches has an entry', () => {
  const request: StaleRequest = { windowMs: 5_000 }

  it('of its header’s generation and the reader’s own window', () => {
    const all = fc.tuple(fc.tuple(generation, generation), further, fc.tuple(current, current))
    fc.assert(
      fc.property(all, fc.func(current), fc.func(fc.boolean()), ([g, x, now], nowOf, isLive) => {
        const fetched = {
          required: now,
          further: new Map(x.map(([shard, tag]) => [shardTagText({ shard, tag }), nowOf(shard, tag)])),
        }
        const asked = entriesToAsk(header(g, x), required, fetched, request)
        const ended = [
          ...required.flatMap(({ tag }, at) => (g[at] === now[at] ? [] : [windowEntry(tag, g[at] ?? '', 5_000)])),
          ...x.flatMap(([shard, tag, old]) => (nowOf(shard, tag) === old ? [] : [windowEntry(tag, old, 5_000)])),
        ]
        expect(asked?.map(({ entry }) => entry) ?? []).toEqual(ended)
        const found = ended.map((entry) => isLive(entry))
        expect(isServableStale(asked, found)).toBe(ended.length > 0 && !found.includes(false))
        expect(judgeRead(header(g, x), required, fetched) === 'fresh').toBe(asked === undefined)
      }),
    )
  })

  it('never where a tag was not fetched, or the value is governed otherwise', () => {
    const named = header(['g1', 'g1'], [[1, 'a:*', 'g1']])
    expect(entriesToAsk(named, required, { required: ['g2', 'g1'] }, request)).toBeUndefined()
    expect(entriesToAsk(header(['g1']), required, { required: ['g2', 'g1'] }, request)).toBeUndefined()
    expect(isServableStale(undefined, [])).toBe(false)
    expect(isServableStale([], [])).toBe(false)
  })

  it('never after its template was fenced, whatever entries its other tags have', () => {
    const rotated = windowsToOpen({ cause: 'template', isRepeat: false }, [5_000])
    const live = new Set([
      ...entriesOfRotation('member:42:profile', 'g1', [5_000]).map(({ entry }) => entry),
      ...entriesOfRotation('member:{id}:profile', 'g1', rotated).map(({ entry }) => entry),
    ])
    const asked = entriesToAsk(header(['g1', 'g1']), required, { required: [null, null] }, request)
    expect(isServableStale(asked, asked?.map(({ entry }) => live.has(entry)) ?? [])).toBe(false)
  })
})

it('strict templates, tokens, `fresh: true`, parts of other values and edges take nothing stale', () => {
  const token = anyLsn.map((lsn) => ({ systemId: '7', timeline: 1, lsn }))
  const request = fc.record({
    windowMs,
    token: fc.option(token, { nil: undefined }),
    fresh: fc.boolean(),
    insideLoad: fc.boolean(),
    forEdge: fc.boolean(),
  })
  expect(takesStale({ windowMs: 5_000 })).toBe(true)
  fc.assert(
    fc.property(request, (asked) => {
      const { token, fresh, insideLoad, forEdge } = asked
      expect(takesStale(asked)).toBe(asked.windowMs > 0 && !token && !fresh && !insideLoad && !forEdge)
    }),
  )
})
