import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { consumingContract } from './kafka-contract-consuming.js'
import { groupsContract } from './kafka-contract-groups.js'
import { sendingContract } from './kafka-contract-sending.js'
import { kafkaWorld, type KafkaUnderTest, type KafkaWorld } from './kafka-contract-world.js'

export type { KafkaUnderTest } from './kafka-contract-world.js'

/** What every KafkaPort keeps, whichever way it is made. */
export function kafkaContract(name: string, start: () => Promise<KafkaUnderTest>): void {
  describe(`${name} keeps the contract of KafkaPort`, { timeout: 60_000 }, () => {
    let kafka: KafkaUnderTest
    let world: KafkaWorld

    beforeAll(async () => {
      kafka = await start()
    }, 120_000)
    afterAll(() => kafka.stop(), 60_000)
    beforeEach(async () => {
      const port = kafka.connect()
      const topic = `contract-${randomUUID()}`
      await port.admin.ensureTopics([{ topic, partitions: 3, config: { 'retention.ms': '3600000' } }])
      world = kafkaWorld(kafka, port, topic)
    }, 60_000)
    afterEach(() => world.port.close(), 60_000)

    sendingContract(() => world)
    consumingContract(() => world)
    groupsContract(() => world)

    it('a closed port opens nothing more', async () => {
      await world.port.close()
      await expect(world.port.producer()).rejects.toMatchObject({ code: 'KAFKA_CLOSED' })
    })
  })
}
