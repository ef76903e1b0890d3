import { decodeMessage, type Begin } from '@freshet/pgoutput'
import { createPool, createSlot, dropSlot, publicationNames, ReplicationStream } from '@freshet/postgres'
import { Redis } from 'ioredis'
import kafkajs from 'kafkajs'

/**
 * The least that a commit has to go through: replication socket -> Kafka -> Redis DEL, one record a transaction, one
 * process, no rules, no promises. Freshet's latency is told as a multiple of this, measured in the same run.
 *
 * Prints each latency (commit to DEL's reply, ms) when it is told to stop.
 */
async function runBareChain(postgresUrl: string, brokers: string, redisUrl: string): Promise<void> {
  const topic = 'demo.bare-chain'
  const slotName = 'demo_bare_chain'
  const pool = createPool({ url: postgresUrl, applicationName: 'demo bare chain' })
  const kafka = new kafkajs.Kafka({
    brokers: [brokers],
    clientId: 'demo-bare-chain',
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const redis = new Redis(redisUrl)
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
  await admin.disconnect()
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  const consumer = kafka.consumer({ groupId: 'demo-bare-chain', maxWaitTimeInMs: 100 })
  await Promise.all([producer.connect(), consumer.connect()])
  const latencies: number[] = []
  await consumer.subscribe({ topic, fromBeginning: true })
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
  await consumer.run({
    eachBatch: async ({ batch }) => {
      for (const { key, value } of batch.messages) {
        await redis.del(`demo:bare-chain:${key?.toString() ?? ''}`)
        latencies.push(Date.now() - Number(value))
      }
    },
  })
  await joined

  await createSlot(pool, slotName)
  let begun: Begin | undefined
  const stream = await ReplicationStream.open({
    url: postgresUrl,
    slotName,
    publications: publicationNames('freshet'),
    binary: false,
    applicationName: 'demo bare chain',
    onReceived: async (items) => {
      const commits: Begin[] = []
      for (const item of items) {
        if (!(item instanceof Uint8Array)) continue
        const message = decodeMessage(item)
        if (message.kind === 'begin') begun = message
        else if (message.kind === 'commit') {
          if (begun) commits.push(begun)
          stream.acknowledge(message.endLsn)
        }
      }
      if (commits.length > 0)
        await producer.send({
          topic,
          acks: -1,
          messages: commits.map(({ xid32, at }) => ({ key: String(xid32), value: String(at) })),
        })
    },
  })
  process.send?.('ready')
  await new Promise((resolve) => process.once('message', resolve))
  await stream.close()
  await Promise.all([consumer.disconnect(), producer.disconnect()])
  await dropSlot(pool, slotName)
  await pool.end()
  redis.disconnect()
  process.send?.(latencies, undefined, undefined, () => process.disconnect())
}

const [postgresUrl = '', brokers = '', redisUrl = ''] = process.argv.slice(2)
await runBareChain(postgresUrl, brokers, redisUrl)
