import { describe, expect, it } from 'vitest'
import { consuming, eventually, textOf, type KafkaWorld } from './kafka-contract-world.js'

/** What every port keeps between the members of a group, and towards readers that stand alone. */
export function groupsContract(world: () => KafkaWorld): void {
  describe('the group', () => {
    it('can hold the positions: the next member goes on behind what was handled, each record once', async () => {
      const { port, topic, send, collect } = world()
      await send(0, 'a', 'b')
      const first = await collect({ positions: 'committed' })
      await eventually(() => expect(first.values()).toEqual(['a', 'b']))
      await first.consumer.close()
      await send(0, 'c')
      const second = await collect({ positions: 'committed' })
      await eventually(() => expect(second.values()).toEqual(['c']))
      await second.consumer.close()
      expect(await port.admin.committed(`group-${topic}`, topic)).toEqual(new Map([[0, 3n]]))
    })

    it('is never committed past what was handled', async () => {
      const { port, topic, send, collect } = world()
      await send(0, 'a')
      const { records, consumer } = await collect({
        positions: 'committed',
        onBatch: async (batch) => {
          if (batch.records.some((record) => textOf(record) === 'bad')) throw new Error('bad')
          records.push(...batch.records)
        },
      })
      await eventually(() => expect(records.map(textOf)).toEqual(['a']))
      await send(0, 'bad')
      await eventually(() => expect(consumer.health()).toMatchObject({ state: 'failing' }))
      await consumer.close()
      expect(await port.admin.committed(`group-${topic}`, topic)).toEqual(new Map([[0, 1n]]))
    })

    it('has a copy of positions that are kept elsewhere', async () => {
      const { port, topic, send, collect } = world()
      await send(0, 'a', 'b')
      const { consumer, values } = await collect()
      await eventually(() => expect(values()).toEqual(['a', 'b']))
      await consumer.close()
      expect(await port.admin.committed(`group-${topic}`, topic)).toEqual(new Map([[0, 2n]]))
    })

    it('shares the partitions among its members; what one leaves another takes', async () => {
      const { send, collect } = world()
      const revoked: number[] = []
      const first = await collect({ onRevoked: (partitions) => void revoked.push(partitions.length) })
      await consuming(first.consumer)
      const second = await collect()
      await eventually(() => expect(first.consumer.assignment().length + second.consumer.assignment().length).toBe(3))
      await eventually(() => expect(second.consumer.assignment().length).toBeGreaterThan(0))
      expect(revoked[0]).toBe(3)
      await first.consumer.close()
      await eventually(() => expect(second.consumer.assignment()).toHaveLength(3))
      await consuming(second.consumer)
      for (const partition of [0, 1, 2]) await send(partition, `p${partition}`)
      await eventually(() => expect(second.values().sort()).toEqual(['p0', 'p1', 'p2']))
    })

    it('a handler learns that its partition was taken away', async () => {
      const { send, open } = world()
      await send(0, 'a')
      let signal: AbortSignal | undefined
      const consumer = await open({
        onBatch: async (_batch, context) => {
          signal = context.signal
          await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve()))
          expect(context.isStale()).toBe(true)
        },
      })
      await eventually(() => expect(signal).toBeDefined())
      await consumer.close()
      expect(signal?.aborted).toBe(true)
    })
  })

  describe('broadcasting', () => {
    it('every reader gets every record', async () => {
      const { port, topic, send } = world()
      const seen = [0, 1].map(() => [] as string[])
      const readers = seen.map((values) =>
        port.broadcast({ topics: [topic], from: 'latest', onRecord: (record) => void values.push(textOf(record)) }),
      )
      await send(0, 'before')
      await Promise.all(readers.map((reader) => reader.start()))
      for (const partition of [0, 1, 2]) await send(partition, `p${partition}`)
      await Promise.all(readers.map((reader) => reader.caughtUp()))
      for (const values of seen) expect(values.sort()).toEqual(['p0', 'p1', 'p2'])
    })

    it('from the earliest, it has read everything once it has caught up', async () => {
      const { port, topic, send } = world()
      await send(0, 'a', 'b')
      await send(2, 'c')
      const values: string[] = []
      const reader = port.broadcast({
        topics: [topic],
        from: 'earliest',
        onBatch: (batch) => void values.push(...batch.records.map(textOf)),
      })
      await reader.start()
      await reader.caughtUp()
      expect(values.sort()).toEqual(['a', 'b', 'c'])
    })

    it('from places, it reads on from them, and all else from its end', async () => {
      const { port, topic, send } = world()
      await send(0, 'a', 'b', 'c')
      await send(1, 'd')
      const values: string[] = []
      const reader = port.broadcast({
        topics: [topic],
        from: [{ topic, partition: 0, offset: 1n }],
        onRecord: (record) => void values.push(textOf(record)),
      })
      await reader.start()
      await reader.caughtUp()
      expect(values).toEqual(['b', 'c'])
      await send(1, 'e')
      await reader.caughtUp()
      expect(values).toEqual(['b', 'c', 'e'])
    })

    it('the places since a moment are those of the first records that are not older, or the ends', async () => {
      const { port, topic, send } = world()
      await send(0, 'a')
      await send(1, 'b')
      let newest = 0
      const reader = port.broadcast({
        topics: [topic],
        from: 'earliest',
        onRecord: ({ timestampMs }) => void (newest = Math.max(newest, timestampMs)),
      })
      await reader.start()
      await reader.caughtUp()
      const offsetsSince = async (sinceMs: number): Promise<bigint[]> =>
        (await port.admin.placesSince(topic, sinceMs)).map(({ offset }) => offset)
      expect(await offsetsSince(newest - 60_000)).toEqual([0n, 0n, 0n])
      expect(await offsetsSince(newest + 60_000)).toEqual([1n, 1n, 0n])
    })

    it('catches up at once with topics that hold nothing', async () => {
      const { port, topic } = world()
      const reader = port.broadcast({ topics: [topic], from: 'earliest' })
      await reader.start()
      await reader.caughtUp()
      expect(reader.health()).toEqual({ state: 'consuming' })
    })

    it('leaves no group behind', async () => {
      const { kafka, port, topic } = world()
      const before = await kafka.groups()
      const reader = port.broadcast({ topics: [topic], from: 'latest' })
      await reader.start()
      expect(await kafka.groups()).toHaveLength(before.length + 1)
      await reader.close()
      expect(await kafka.groups()).toEqual(before)
    })
  })
}
