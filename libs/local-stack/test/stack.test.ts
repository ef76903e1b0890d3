import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startStack, type Stack } from '../src/index.js'

/**
 * The promises of a stack, whoever provides it: natively here, and as containers with FRESHET_STACK_PROVIDER=containers.
 */
const provider = process.env['FRESHET_STACK_PROVIDER'] === 'containers' ? 'containers' : 'native'

describe(`a ${provider} stack`, () => {
  let stack: Stack
  beforeAll(async () => {
    stack = await startStack({ provider, kafkaPartitions: 5, postgresSettings: { work_mem: '5MB' } })
  }, 180_000)
  afterAll(async () => stack.stop(), 60_000)

  it('says where it comes from', () => {
    expect(stack.provider).toBe(provider)
  })

  it('gives a Postgres that decodes logically, with the settings asked for and a database of our own', async () => {
    const settings = await query(
      stack,
      `select current_database() as database, current_setting('wal_level') as wal, current_setting('work_mem') as work_mem,
              current_setting('fsync') as fsync, current_setting('server_version_num')::int / 10000 as version,
              (select rolsuper from pg_roles where rolname = current_user) as superuser`,
    )
    expect(settings).toEqual([
      { database: 'freshet', wal: 'logical', work_mem: '5MB', fsync: 'on', version: 18, superuser: true },
    ])
  })

  it('brings Postgres back after kill -9 on the same port, with what was committed', async () => {
    await query(stack, 'create table kept (id int primary key)')
    await query(stack, 'insert into kept values (42)')
    await stack.servers.postgres.kill()
    await expect(query(stack, 'select 1')).rejects.toThrow()
    await stack.servers.postgres.start()
    expect(await query(stack, 'select id from kept')).toEqual([{ id: 42 }])
  })

  it('gives a Kafka that creates no topic by itself', async () => {
    await withAdmin(stack, async (admin) => {
      await expect(admin.fetchTopicMetadata({ topics: ['misspelt'] })).rejects.toThrow(/does not host/)
    })
  })

  it('brings Kafka back after kill -9 on the same port, with what it acknowledged', async () => {
    const topic = 'kept'
    await withAdmin(stack, async (admin) => {
      await admin.createTopics({ topics: [{ topic, numPartitions: -1, replicationFactor: -1 }], waitForLeaders: true })
      expect((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions).toHaveLength(5)
    })
    await produce(stack, topic, 'before')
    await stack.servers.kafka.kill()
    await stack.servers.kafka.start()
    await produce(stack, topic, 'after')
    expect(await readAll(stack, topic, 2)).toEqual(['before', 'after'])
  }, 60_000)

  it('brings Redis back after kill -9 on the same port, empty, as nothing was written to disk', async () => {
    await withRedis(stack, async (redis) => expect(await redis.set('key', 'value')).toBe('OK'))
    await stack.servers.redis.kill()
    await stack.servers.redis.start()
    await withRedis(stack, async (redis) => expect(await redis.get('key')).toBeNull())
  })

  it('pauses a server and lets it go on where it was', async () => {
    await stack.servers.redis.kill('SIGSTOP')
    let answered = false
    const answer = withRedis(stack, async (redis) => redis.ping()).finally(() => (answered = true))
    await expect(query(stack, 'select pg_sleep(0.2)')).resolves.toHaveLength(1)
    expect(answered).toBe(false)
    await stack.servers.redis.start()
    expect(await answer).toBe('PONG')
  })
})

async function query(stack: Stack, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: stack.postgresUrl })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function withRedis<T>(stack: Stack, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(stack.redisUrl)
  try {
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}

function kafkaOf(stack: Stack): Kafka {
  return new Kafka({ brokers: [stack.kafkaBrokers], logLevel: logLevel.NOTHING })
}

async function withAdmin(stack: Stack, use: (admin: ReturnType<Kafka['admin']>) => Promise<void>): Promise<void> {
  const admin = kafkaOf(stack).admin()
  await admin.connect()
  try {
    await use(admin)
  } finally {
    await admin.disconnect()
  }
}

async function produce(stack: Stack, topic: string, value: string): Promise<void> {
  const producer = kafkaOf(stack).producer()
  await producer.connect()
  try {
    await producer.send({ topic, messages: [{ key: 'same', value }] })
  } finally {
    await producer.disconnect()
  }
}

async function readAll(stack: Stack, topic: string, count: number): Promise<string[]> {
  const consumer = kafkaOf(stack).consumer({ groupId: 'reader', maxWaitTimeInMs: 50 })
  const values: string[] = []
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      consumer.on('consumer.crash', ({ payload }) => (payload.restart ? undefined : reject(payload.error)))
      const eachMessage = async ({ message }: { message: { value: Buffer | null } }) => {
        values.push(message.value?.toString() ?? '')
        if (values.length === count) resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
    return values
  } finally {
    await consumer.disconnect()
  }
}
