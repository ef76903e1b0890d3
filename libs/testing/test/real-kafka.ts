import { connectKafka } from '@freshet/kafka'
import type { Stack } from '@freshet/local-stack'
import kafkajs from 'kafkajs'
import type { KafkaUnderTest } from '../src/index.js'

/** The stack's broker, for the contract. */
export async function realKafka(stack: Stack): Promise<KafkaUnderTest> {
  const brokers = [stack.kafkaBrokers]
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  return {
    connect: () => connectKafka({ brokers, clientId: 'contract' }),
    deleteRecords: async (topic, partition, before) => {
      await admin.fetchTopicOffsets(topic) // loads its metadata, which the next call takes for granted
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(before) }] })
    },
    groups: async () => (await admin.listGroups()).groups.map(({ groupId }) => groupId).sort(),
    stop: async () => {
      await admin.disconnect()
      await stack.stop()
    },
  }
}
