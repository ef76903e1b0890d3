import { describe, expect, it } from 'vitest'
import { eventually, textOf, type KafkaWorld } from './kafka-contract-world.js'

/** What every port keeps when it sends and when it tells of topics. */
export function sendingContract(world: () => KafkaWorld): void {
  describe('sending', () => {
    it('a record comes back as it was sent', async () => {
      const { port, topic, collect } = world()
      const producer = await port.producer()
      await producer.send([
        { topic, partition: 1, key: 'schlüssel', value: Buffer.from([0, 255]), headers: { xid: '7', name: 'Zoë' } },
        { topic, partition: 1, key: null, value: null },
      ])
      const { records } = await collect()
      await eventually(() => expect(records).toHaveLength(2))
      expect(records[0]).toMatchObject({
        topic,
        partition: 1,
        offset: 0n,
        key: Buffer.from('schlüssel'),
        value: Buffer.from([0, 255]),
        headers: { xid: '7', name: 'Zoë' },
      })
      expect(records[1]).toMatchObject({ offset: 1n, key: null, value: null, headers: {} })
      expect(Math.abs(Date.now() - (records[0]?.timestampMs ?? 0))).toBeLessThan(60_000)
    })

    it("a key goes where Java's client sends it, a record without key or partition to partition 0", async () => {
      const { port, topic, collect } = world()
      const producer = await port.producer()
      // By org.apache.kafka.common.utils.Utils: toPositive(murmur2(key)) % 3.
      for (const key of ['42', '21', 'payment-9', null]) await producer.send([{ topic, key, value: String(key) }])
      const { records } = await collect()
      await eventually(() => expect(records).toHaveLength(4))
      const places = Object.fromEntries(records.map((record) => [textOf(record), record.partition]))
      expect(places).toEqual(javaPlaces)
    })

    it('records of many calls stay in the order of the calls', async () => {
      const { send, collect } = world()
      const values = Array.from({ length: 3_000 }, (_, index) => String(index))
      await send(2, ...values)
      const collected = await collect()
      await eventually(() => expect(collected.records).toHaveLength(values.length))
      expect(collected.values()).toEqual(values)
    })

    it('one call may be larger than what Kafka takes in one batch', async () => {
      const { port, topic, collect } = world()
      const producer = await port.producer()
      const value = 'x'.repeat(300_000)
      await producer.send(
        Array.from({ length: 10 }, (_, index) => ({ topic, partition: 0, key: String(index), value })),
      )
      const { records } = await collect()
      await eventually(() => expect(records.map(({ key }) => key?.toString()).join('')).toBe('0123456789'))
    })

    it('a closed producer refuses', async () => {
      const { port, topic } = world()
      const producer = await port.producer()
      await producer.close()
      await expect(producer.send([{ topic, key: null, value: 'x' }])).rejects.toMatchObject({ code: 'KAFKA_CLOSED' })
    })
  })

  describe('topics', () => {
    it('are created once, and described', async () => {
      const { port, topic, send } = world()
      await port.admin.ensureTopics([{ topic, partitions: 9, config: {} }])
      expect(await port.admin.partitionsOf(topic)).toBe(3)
      expect(await port.admin.topics()).toContain(topic)
      expect(await port.admin.describe(topic)).toMatchObject({ partitions: 3, config: { 'retention.ms': '3600000' } })
      await send(1, 'a', 'b')
      expect(await port.admin.offsets(topic)).toEqual([
        { partition: 0, low: 0n, high: 0n },
        { partition: 1, low: 0n, high: 2n },
        { partition: 2, low: 0n, high: 0n },
      ])
    })

    it('that do not exist are named', async () => {
      const { port } = world()
      const unknown = { code: 'KAFKA_UNKNOWN_TOPIC', topic: 'no-such-topic' }
      await expect(port.admin.partitionsOf('no-such-topic')).rejects.toMatchObject(unknown)
      await expect(port.admin.offsets('no-such-topic')).rejects.toMatchObject(unknown)
      await expect(port.admin.describe('no-such-topic')).rejects.toMatchObject(unknown)
    })
  })
}

const javaPlaces = { '42': 1, '21': 0, 'payment-9': 2, null: 0 }
