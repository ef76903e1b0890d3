import { describe, expect, it } from 'vitest'
import { consuming, eventually, textOf, type KafkaWorld } from './kafka-contract-world.js'

/** What every port keeps when it consumes. */
export function consumingContract(world: () => KafkaWorld): void {
  describe('consuming', () => {
    it('begins where it is told, and at the first kept record where it is not', async () => {
      const { send, collect } = world()
      await send(0, 'a', 'b', 'c')
      await send(1, 'd', 'e')
      const { values } = await collect({ positions: () => Promise.resolve(new Map([[0, 2n]])) })
      await eventually(() => expect(values().sort()).toEqual(['c', 'd', 'e']))
    })

    it('tells where its batches lie', async () => {
      const { send, open } = world()
      await send(0, 'a', 'b', 'c')
      const batches: [bigint, bigint, number][] = []
      await open({
        onBatch: async ({ firstOffset, nextOffset, highWatermark, records }) => {
          batches.push([firstOffset, nextOffset, records.length])
          expect(highWatermark).toBeGreaterThanOrEqual(nextOffset)
        },
      })
      await eventually(() => expect(batches.at(-1)?.[1]).toBe(3n))
      for (const [first, next, length] of batches) expect(next - first).toBe(BigInt(length))
    })

    it('a handler that throws loses nothing: its records come again, and no later one overtakes them', async () => {
      const { send, collect } = world()
      await send(0, 'a', 'b')
      let failuresLeft = 3
      const errors: unknown[] = []
      const collected = await collect({
        onBatch: async (batch) => {
          if (batch.records.some((record) => textOf(record) === 'b') && failuresLeft-- > 0) throw new Error('not now')
          collected.records.push(...batch.records)
        },
        onHandlerError: (error) => errors.push(error),
      })
      await eventually(() => expect(collected.values()).toContain('b'))
      await send(0, 'c')
      await eventually(() => expect(collected.values().join('')).toMatch(/^a{1,4}bc$/))
      expect(errors).toEqual([new Error('not now'), new Error('not now'), new Error('not now')])
      expect(collected.consumer.health()).toMatchObject({ state: 'consuming' })
    })

    it('goes on from its positions after an error, also where they have moved', async () => {
      const { send, collect } = world()
      await send(0, 'a', 'b', 'c')
      let position = 0n
      const { values } = await collect({
        positions: () => Promise.resolve(new Map([[0, position]])),
        onBatch: async (batch) => {
          if (position === 0n) {
            position = 2n
            throw new Error('another member was quicker')
          }
          values0.push(...batch.records.map(textOf))
        },
      })
      const values0: string[] = values()
      await eventually(() => expect(values0).toEqual(['c']))
    })

    it('a failing partition does not hold up the others, and health says so', async () => {
      const { send, collect } = world()
      await send(0, 'broken')
      await send(1, 'fine')
      const { records, consumer } = await collect({
        onBatch: async (batch) => {
          if (batch.partition === 0) throw new Error('always')
          records.push(...batch.records)
        },
      })
      await eventually(() => expect(records.map(textOf)).toEqual(['fine']))
      await eventually(() => expect(consumer.health()).toMatchObject({ state: 'failing', reason: /always/ }))
      await send(1, 'still')
      await eventually(() => expect(records.map(textOf)).toEqual(['fine', 'still']))
    })

    it('a slow partition does not hold up the others, and gets nothing twice or at the same time', async () => {
      const { send, open } = world()
      let release: () => void = () => undefined
      const gate = new Promise<void>((resolve) => (release = resolve))
      const seen: string[] = []
      let atWork = 0
      await send(0, 'slow')
      const consumer = await open({
        onBatch: async (batch) => {
          if (batch.partition === 0) expect((atWork += 1)).toBe(1)
          if (batch.records.some((record) => textOf(record) === 'slow')) await gate
          seen.push(...batch.records.map(textOf))
          if (batch.partition === 0) atWork -= 1
        },
      })
      await consuming(consumer)
      await send(1, 'quick')
      await eventually(() => expect(seen).toEqual(['quick']))
      await send(0, 'behind')
      await send(1, 'quick again')
      await eventually(() => expect(seen).toEqual(['quick', 'quick again']))
      release()
      await eventually(() => expect(seen).toEqual(['quick', 'quick again', 'slow', 'behind']))
    })

    it('paused, it hands out nothing and stays in its group; resumed, it asks where to go on', async () => {
      const { topic, send, collect } = world()
      await send(0, 'a')
      const asked: string[] = []
      const { consumer, values } = await collect({
        positions: async () => {
          asked.push('position')
          return new Map([[0, BigInt(values().length)]])
        },
      })
      await eventually(() => expect(values()).toEqual(['a']))
      const before = asked.length
      consumer.pause('Redis is away')
      expect(consumer.health()).toEqual({ state: 'paused', reason: 'Redis is away' })
      await send(0, 'b')
      const other = await collect({ topics: [topic], groupId: `watch-${topic}` })
      await eventually(() => expect(other.values()).toEqual(['a', 'b']))
      expect(values()).toEqual(['a'])
      expect(consumer.assignment()).toHaveLength(3)
      consumer.resume()
      await eventually(() => expect(values()).toEqual(['a', 'b']))
      expect(asked.length).toBeGreaterThan(before)
    })

    it('waits for a topic that does not exist, and reads the others meanwhile', async () => {
      const { port, topic, send, collect } = world()
      const late = `${topic}-late`
      await send(0, 'a')
      const { consumer, values } = await collect({ topics: [late, topic] })
      await eventually(() => expect(values()).toEqual(['a']))
      expect(consumer.health()).toEqual({ state: 'consuming', missingTopics: [late] })
      const onlyLate = await collect({ topics: [late], groupId: `late-${topic}` })
      await eventually(() => expect(onlyLate.consumer.health()).toMatchObject({ state: 'waiting-for-topics' }))
      await port.admin.ensureTopics([{ topic: late, partitions: 1, config: {} }])
      const producer = await port.producer()
      await producer.send([{ topic: late, key: null, value: 'late' }])
      await eventually(() => expect(onlyLate.values()).toEqual(['late']))
      await eventually(() => expect(values()).toContain('late'))
    })

    it('reads other topics when told to', async () => {
      const { port, topic, collect } = world()
      const other = `${topic}-other`
      await port.admin.ensureTopics([{ topic: other, partitions: 1, config: {} }])
      const { consumer, values } = await collect()
      await consuming(consumer)
      const producer = await port.producer()
      await producer.send([{ topic: other, key: null, value: 'other' }])
      consumer.subscribe([topic, other])
      await eventually(() => expect(values()).toEqual(['other']))
    })

    it('says when its position is no longer in the log, and goes on where it is told', async () => {
      const { kafka, topic, send, collect } = world()
      await send(0, 'a', 'b', 'c', 'd')
      await kafka.deleteRecords(topic, 0, 2n)
      const reports: unknown[] = []
      const { values } = await collect({
        positions: () => Promise.resolve(new Map([[0, 1n]])),
        onOffsetOutOfRange: async (...report) => {
          reports.push(report)
          return 3n
        },
      })
      await eventually(() => expect(values()).toEqual(['d']))
      expect(reports).toEqual([[topic, 0, 1n, 2n]])
    })

    it('says when its position lies behind the end of the log: the topic is another one, or was cut', async () => {
      const { topic, send, collect } = world()
      await send(0, 'a')
      const reports: unknown[] = []
      const { values } = await collect({
        positions: () => Promise.resolve(new Map([[0, 100n]])),
        onOffsetOutOfRange: async (...report) => {
          reports.push(report)
          return 0n
        },
      })
      await eventually(() => expect(values()).toEqual(['a']))
      expect(reports).toEqual([[topic, 0, 100n, 0n]])
    })

    it('says when retention overtook it while it was paused', async () => {
      const { kafka, topic, send, collect } = world()
      await send(0, 'a')
      const reports: unknown[] = []
      const { consumer, values } = await collect({
        positions: async () => new Map([[0, BigInt(values().length)]]),
        onOffsetOutOfRange: async (...report) => {
          reports.push(report)
          return report[3]
        },
      })
      await eventually(() => expect(values()).toEqual(['a']))
      consumer.pause()
      await send(0, 'lost', 'b')
      await kafka.deleteRecords(topic, 0, 2n)
      consumer.resume()
      await eventually(() => expect(values()).toEqual(['a', 'b']))
      expect(reports).toEqual([[topic, 0, 1n, 2n]])
    })
  })
}
