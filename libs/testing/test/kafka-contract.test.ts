import { startStack } from '@freshet/local-stack'
import { FakeKafkaServer, kafkaContract } from '../src/index.js'
import { realKafka } from './real-kafka.js'

kafkaContract('kafkajs on a real broker', async () => realKafka(await startStack()))

kafkaContract('the fake', async () => {
  const server = new FakeKafkaServer()
  return {
    connect: () => server.connect(),
    deleteRecords: async (topic, partition, before) => server.deleteRecords(topic, partition, before),
    groups: async () => server.groupNames().sort(),
    stop: async () => undefined,
  }
})
