import { Kafka, logLevel } from 'kafkajs'

/** All topics but Kafka's own. */
export async function topicsOf(brokers: string): Promise<string[]> {
  const admin = client(brokers).admin()
  await admin.connect()
  try {
    return (await admin.listTopics()).filter((topic) => !topic.startsWith('__'))
  } finally {
    await admin.disconnect()
  }
}

/** Sends a record with neither headers nor sense. */
export async function sendPlainly(brokers: string, topic: string, value: string): Promise<void> {
  const producer = client(brokers).producer()
  await producer.connect()
  try {
    await producer.send({ topic, messages: [{ key: 'x', value }] })
  } finally {
    await producer.disconnect()
  }
}

const client = (brokers: string): Kafka =>
  new Kafka({ clientId: 'outsider', brokers: brokers.split(','), logLevel: logLevel.NOTHING })
