import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeRead, shardTagText, type ShardTag, type ValueHeader } from '../src/index.js'

const generation = fc.constantFrom('g1', 'g2', 'g3')
const current = fc.option(generation, { nil: null })
const required: ShardTag[] = [
  { shard: 7, tag: 'member:42:balance' },
  { shard: 7, tag: 'member:42:*' },
]
const further = fc.array(fc.tuple(fc.nat(3), fc.constantFrom('a:*', 'b:*'), generation), { maxLength: 3 })
const header = (g: readonly string[], x?: ValueHeader['x']): ValueHeader => ({
  v: 1,
  g,
  ...(x && { x }),
  at: 0,
  ttl: 1,
})

describe('a value is fresh only while each of its tags has the generation it was filled under (R1)', () => {
  it('exactly when every tag was fetched, exists and is equal', () => {
    const fetchedTags = fc.dictionary(fc.constantFrom('0/a:*', '1/a:*', '2/b:*', '3/b:*'), current)
    fc.assert(
      fc.property(
        fc.tuple(generation, generation),
        further,
        fc.tuple(current, current),
        fetchedTags,
        (own, named, now, others) => {
          const fetched = { required: now, further: new Map(Object.entries(others)) }
          const verdict = judgeRead(header(own, named), required, fetched)
          const ownEqual = own.every((each, position) => each === now[position])
          const namedEqual = named.every(([shard, tag, each]) => others[shardTagText({ shard, tag })] === each)
          expect(verdict === 'fresh').toBe(ownEqual && namedEqual)
        },
      ),
    )
  })

  it('asks for what it lacks at most once: with everything fetched it is judged', () => {
    fc.assert(
      fc.property(fc.tuple(generation, generation), further, current, (own, named, now) => {
        const first = judgeRead(header(own, named), required, { required: own })
        if (first === 'fresh' || 'miss' in first) return
        const fetched = new Map(first.fetch.map((tag) => [shardTagText(tag), now]))
        const second = judgeRead(header(own, named), required, { required: own, further: fetched })
        expect(second === 'fresh' || 'miss' in second).toBe(true)
      }),
    )
  })

  it('says why not', () => {
    expect(judgeRead(header(['g1', 'g1']), required, { required: ['g1', 'g2'] })).toEqual({
      miss: 'fenced',
      tag: 'member:42:*',
    })
    expect(judgeRead(header(['g1', 'g1']), required, { required: [null, 'g1'] })).toEqual({
      miss: 'generation-lost',
      tag: 'member:42:balance',
    })
    expect(judgeRead(header(['g1']), required, { required: ['g1', 'g1'] })).toMatchObject({
      miss: 'governed-otherwise',
    })
  })

  it('a mismatch is a miss at once, without fetching more', () => {
    const verdict = judgeRead(header(['g1', 'g1'], [[1, 'a:*', 'g1']]), required, { required: ['g2', 'g1'] })
    expect(verdict).toMatchObject({ miss: 'fenced' })
  })
})
