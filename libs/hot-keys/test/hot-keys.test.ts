import fc from 'fast-check'
import { expect, it } from 'vitest'
import { AccessCounter, FleetWindow, HeavyKeeper } from '@freshet/hot-keys'

it('a sketch of few keys counts them exactly', () => {
  const sketch = new HeavyKeeper()
  for (let round = 1; round <= 100; round++) for (const key of ['a', 'b', 'c']) expect(sketch.add(key)).toBe(round)
  sketch.age()
  expect(sketch.add('a')).toBe(51)
})

it('a sketch has the memory that it says', () => {
  expect(new HeavyKeeper().bytes).toBe(48 * 1_024)
  expect(() => new HeavyKeeper({ rows: 2, columns: 1_000 })).toThrow(RangeError)
})

it('as long as there is room, an interval is counted exactly, and ends with it', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 50 }), (reads) => {
      const counter = new AccessCounter()
      for (const key of reads) counter.read(key)
      const counts = Object.fromEntries(counter.take().map(({ key, count }) => [key, count]))
      const truth = Object.fromEntries(
        [...Map.groupBy(reads, (key) => key)].map(([key, all]) => [key, all.length] as const),
      )
      expect(counts).toEqual(truth)
      expect(counter.take()).toEqual([])
    }),
  )
})

it('what was hot before is reported with each read, though others are read as often in this interval', () => {
  const counter = new AccessCounter({ top: 10 })
  for (let read = 0; read < 1_000; read++) counter.read('hot')
  counter.take()
  for (let other = 0; other < 500; other++) counter.read(`other:${other}`)
  counter.read('hot')
  expect(counter.take()).toContainEqual({ key: 'hot', count: 1 })
})

it('a window forgets what is older than it, and no sooner', () => {
  const fleet = new FleetWindow({ windowMs: 60_000, slots: 60 })
  fleet.add(1_000, [{ key: 'a', count: 5 }])
  fleet.add(60_999, [{ key: 'a', count: 2 }])
  expect(fleet.count('a')).toBe(7)
  fleet.add(62_000, [{ key: 'b', count: 1 }])
  expect(fleet.count('a')).toBe(2)
  fleet.add(1_000, [{ key: 'a', count: 100 }]) // too late
  expect(fleet.count('a')).toBe(2)
  fleet.add(1_000_000, [{ key: 'b', count: 1 }])
  expect([fleet.count('a'), fleet.count('b'), fleet.size]).toEqual([0, 1, 1])
})

it('a window is what was reported to it, in whichever order: a restart makes it anew', () => {
  const report = fc.record({
    atMs: fc.integer({ min: 0, max: 90_000 }),
    key: fc.constantFrom('a', 'b'),
    count: fc.integer({ min: 1, max: 9 }),
  })
  fc.assert(
    fc.property(fc.array(report, { minLength: 1, maxLength: 30 }), (reports) => {
      const read = (all: typeof reports) => {
        const fleet = new FleetWindow({ windowMs: 60_000, slots: 6 })
        for (const { atMs, key, count } of all) fleet.add(atMs, [{ key, count }])
        return [fleet.count('a'), fleet.count('b')]
      }
      const newest = Math.floor(Math.max(...reports.map(({ atMs }) => atMs)) / 10_000)
      const truth = (wanted: string) =>
        reports
          .filter(({ key, atMs }) => key === wanted && Math.floor(atMs / 10_000) > newest - 7)
          .reduce((sum, { count }) => sum + count, 0)
      expect(read(reports)).toEqual([truth('a'), truth('b')])
      expect(read([...reports].reverse())).toEqual(read(reports))
    }),
  )
})

it('a hot key is among the hottest, and read often enough', () => {
  const fleet = new FleetWindow()
  fleet.add(0, [
    { key: 'a', count: 300 },
    { key: 'b', count: 101 },
    { key: 'c', count: 100 },
  ])
  expect(fleet.hot().map(({ key }) => key)).toEqual(['a', 'b'])
  expect(fleet.hot({ among: 1, moreThan: 0 }).map(({ key }) => key)).toEqual(['a'])
})

it('keys that are read least give way where there is no room', () => {
  const fleet = new FleetWindow({ maxKeys: 100 })
  fleet.add(
    0,
    Array.from({ length: 101 }, (_, at) => ({ key: `k${at}`, count: at + 1 })),
  )
  expect(fleet.size).toBe(75)
  expect(fleet.count('k100')).toBe(101)
  expect(fleet.count('k0')).toBe(0)
})

it('reads of a key that are counted at once are as many as counted one by one', () => {
  const times = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(times, (all) => {
      const [together, single] = [new HeavyKeeper(), new HeavyKeeper()]
      for (const count of all) {
        const last = together.add('hot', count)
        for (let one = 1; one < count; one++) single.add('hot')
        expect(single.add('hot')).toBe(last)
      }
    }),
  )
})

it('many reads at once take over the bucket of a key that is read seldom', () => {
  const sketch = new HeavyKeeper({ rows: 1, columns: 1 })
  for (let read = 0; read < 5; read++) sketch.add('seldom')
  expect(sketch.add('hot', 1_000)).toBeGreaterThan(900)
  expect(sketch.add('hot')).toBeGreaterThan(900)
})

it('of many keys that come and go, those that are read most are counted as if there were no others', () => {
  const fleet = new FleetWindow({ windowMs: 60_000, slots: 6, maxKeys: 2_000 })
  for (let second = 0; second < 120; second++) {
    const passing = Array.from({ length: 200 }, (_, at) => ({ key: `passing:${second}:${at}`, count: 1 + (at % 2) }))
    fleet.add(second * 1_000, [...passing, { key: 'steady', count: 3 }])
    expect(fleet.size).toBeLessThanOrEqual(2_000)
  }
  expect(fleet.hot({ among: 2, moreThan: 2 })).toEqual([{ key: 'steady', count: 70 * 3 }])
  fleet.add(1_000_000, [{ key: 'alone', count: 1 }])
  expect(fleet.hot({ among: 10, moreThan: 0 })).toEqual([{ key: 'alone', count: 1 }])
})

it('a key that was read often in an interval before is reported, though others are read more often in this one', () => {
  const counter = new AccessCounter({ top: 10 })
  for (let read = 0; read < 200; read++) counter.read('hot')
  counter.take()
  for (let read = 0; read < 3; read++) for (let other = 0; other < 40; other++) counter.read(`other:${other}`)
  counter.read('hot')
  expect(counter.take()[0]).toEqual({ key: 'hot', count: 1 })
})

it('a key that comes after another gave way begins with nothing', () => {
  const fleet = new FleetWindow({ windowMs: 6_000, slots: 6, maxKeys: 4 })
  const older = ['a', 'b', 'c', 'd'].map((key, at) => ({ key, count: at + 2 }))
  fleet.add(0, [...older, { key: 'gone', count: 1 }])
  expect(fleet.count('gone')).toBe(0)
  fleet.add(3_000, [{ key: 'new', count: 5 }])
  fleet.add(8_000, [{ key: 'newest', count: 1 }])
  expect([fleet.count('d'), fleet.count('new'), fleet.count('newest')]).toEqual([0, 5, 1])
})

it('a report of more reads than can be is forgotten with its slot, as any other', () => {
  const window = new FleetWindow({ windowMs: 60_000, slots: 60 })
  window.add(0, [{ key: 'claimed', count: 5_000_000_000 }])
  expect(window.hot({ among: 1, moreThan: 100 })).toHaveLength(1)
  window.add(120_000, [{ key: 'other', count: 1 }])
  expect(window.count('claimed')).toBe(0)
  expect(window.size).toBe(1)
})
