import { encodeAccessStats, topics, topicSpecs } from '@freshet/events'
import { FakeKafkaServer } from '@freshet/testing'
import { expect, it, onTestFinished } from 'vitest'
import { printTopKeys, readTopKeys, topKeysJson } from '../src/hot/hot-keys.js'

const settings = { among: 1_000, moreThan: 100, windowMs: 3_600_000 }

async function openKafka() {
  const server = new FakeKafkaServer()
  const kafka = server.connect()
  onTestFinished(() => kafka.close())
  return {
    server,
    kafka,
    create: () => kafka.admin.ensureTopics(topicSpecs('', [], { partitions: 2 })),
    reads: (instance: string, key: string, count: number, agoMs = 0) =>
      server.append([
        {
          topic: topics().accessStats,
          ...encodeAccessStats({
            source: 'freshet/test',
            instance,
            owner: 'members-api',
            endedAt: Date.now() - agoMs,
            intervalMs: 1_000,
            keys: [{ template: 'balance', key, count }],
            templates: {},
          }),
        },
      ]),
  }
}

it('the keys of the last window are ranked over all clients, and the hot ones are marked', async () => {
  const { server, kafka, create, reads } = await openKafka()
  await create()
  reads('one', 'member:7:balance', 900, 2 * settings.windowMs)
  server.append([{ topic: topics().accessStats, key: 'someone', value: '{ this is no JSON' }])
  for (const instance of ['one', 'other']) {
    reads(instance, 'member:42:balance', 60)
    reads(instance, 'member:43:balance', 40)
  }
  reads('one', 'member:44:balance', 1)
  const keys = await readTopKeys(kafka, '', settings, 2)
  const printed: string[] = []
  printTopKeys({ print: (line) => printed.push(line), note: () => undefined }, keys)
  expect(printed).toEqual([
    'RANK  KEY                TEMPLATE             READS  HOT',
    '1     member:42:balance  members-api/balance  120    hot',
    '2     member:43:balance  members-api/balance  80',
  ])
  expect(JSON.parse(topKeysJson(settings, keys))).toMatchObject({
    windowMs: 3_600_000,
    keys: [
      { key: 'member:42:balance', owner: 'members-api', template: 'balance', count: 120, rank: 1, hot: true },
      { key: 'member:43:balance', hot: false },
    ],
  })
})

it('a system in which nobody reports reads is told of, also where the topic does not exist', async () => {
  const { kafka } = await openKafka()
  const printed: string[] = []
  printTopKeys(
    { print: (line) => printed.push(line), note: () => undefined },
    await readTopKeys(kafka, '', settings, 5),
  )
  expect(printed.join()).toContain('No client has reported a read')
})
