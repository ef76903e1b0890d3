import { startStack } from '@freshet/local-stack'
import { connectKafka } from '@freshet/kafka'
import { TcpProxy } from '@freshet/testing/live'
import { setTimeout as delay } from 'node:timers/promises'
const proxy = await TcpProxy.ahead()
const stack = await startStack({ provider: 'native', kafkaProxy: proxy.authority, onProgress: () => {} })
proxy.leadTo(`tcp://${stack.kafkaBehindProxy}`)
const behind = connectKafka({ brokers: [stack.kafkaBrokers], clientId: 'direct' })
const kafka = connectKafka({ brokers: [proxy.authority], clientId: 'via' })
const topics = ['a', 'b']
await behind.admin.ensureTopics(topics.map((topic) => ({ topic, partitions: 3, config: {} })))
const direct = await behind.producer()
const positions = new Map()
const key = (t, p) => `${t}/${p}`
const errors = []
const consumer = kafka.consumer({
  groupId: 'g', topics,
  positions: async (topic, partitions) => { await kafka.admin.offsets(topic); return new Map(partitions.map((p) => [p, positions.get(key(topic, p)) ?? 0n])) },
  onBatch: async (batch) => { await delay(Math.random() < 0.02 ? 400 : 1); if (Math.random() < 0.002) throw new Error('now and then'); positions.set(key(batch.topic, batch.partition), batch.nextOffset) },
  onHandlerError: (error, at) => errors.push(`${Date.now()} ${at.topic}/${at.partition} ${error.message}`),
  onAssigned: (p) => errors.push(`${Date.now()} assigned ${p.length}`), onRevoked: (p) => errors.push(`${Date.now()} revoked ${p.length}`),
})
await consumer.start()
let sent = 0
let on = true
const feeding = (async () => { while (on) { await direct.send(topics.flatMap((topic) => [0, 1, 2].map((partition) => ({ topic, partition, key: null, value: `${sent++}` })))); await delay(20) } })()
const caughtUp = async (withinMs) => {
  const ends = new Map()
  for (const topic of topics) for (const { partition, high } of await behind.admin.offsets(topic)) ends.set(key(topic, partition), high)
  const deadline = performance.now() + withinMs
  for (;;) { const missing = [...ends].filter(([k, end]) => (positions.get(k) ?? 0n) < end); if (missing.length === 0) return []; if (performance.now() > deadline) return missing; await delay(50) }
}
await caughtUp(30_000)
const until = Date.now() + Number(process.argv[2] ?? 300) * 1000
let round = 0
while (Date.now() < until) {
  round++
  for (let cut = 0; cut < 12; cut++) { proxy.cut(); await delay(process.argv[3] === 'r' ? Math.random() * 400 : 400) }
  const first = await caughtUp(60_000)
  let stuck = first
  for (let i = 0; i < 5 && stuck.length === 0; i++) { await delay(2000); stuck = await caughtUp(45_000) }
  console.log(new Date().toISOString(), 'round', round, stuck.length ? 'STUCK' : 'ok', JSON.stringify(consumer.health()), stuck.map(([k, e]) => `${k}:${positions.get(k)}<${e}`).join(' '))
  if (stuck.length) { console.log(errors.slice(-40).join('\n')); console.log(await caughtUp(60_000)); break }
}
on = false
await feeding; await consumer.close(); await kafka.close(); await behind.close(); await stack.stop(); await proxy.close(); process.exit(0)
