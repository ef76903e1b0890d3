import { encodeDomainEvent } from '@freshet/events'
import { connectKafka, type KafkaPort } from '@freshet/kafka'
import { startStack, type Stack } from '@freshet/local-stack'
import { lsn, xid } from '@freshet/pgoutput'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startMailer } from './mailer.example.js'

const topic = 'payment.events.v1'
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 })

describe('a service of someone else, on a real broker', { timeout: 60_000 }, () => {
  let stack: Stack
  let kafka: KafkaPort
  beforeAll(async () => {
    stack = await startStack()
    kafka = connectKafka({ brokers: [stack.kafkaBrokers], clientId: 'listener' })
    await kafka.admin.ensureTopics([{ topic, partitions: 3, config: {} }])
  }, 120_000)
  afterAll(async () => {
    await kafka.close()
    await stack.stop()
  }, 60_000)

  const publish = async (name: string, ...ids: number[]) => {
    const producer = await kafka.producer()
    const commit = { lsn: lsn(1n), xid: xid(1n), at: 0, index: 0 }
    const events = ids.map((id) =>
      encodeDomainEvent({ source: 'freshet/default/app', name, key: { id }, values: { id }, emitted: false, commit }),
    )
    await producer.send(events.map((event) => ({ topic, ...event })))
  }
  const inOrder = (ids: number[]) => [...ids].sort((one, other) => one - other)

  it('hears of each completed payment once, also across a restart; an attempt that failed is made again', async () => {
    const mailed: number[] = []
    let mailServerIsAway = false
    const sendMail = async (id: unknown) => {
      if (mailServerIsAway) throw new Error('mail server is away')
      mailed.push(Number(id))
    }
    await publish('payment.completed', 1, 2, 3, 4, 5)
    await publish('payment.refunded', 6)
    const first = await startMailer([stack.kafkaBrokers], sendMail)
    await eventually(() => expect(inOrder(mailed)).toEqual([1, 2, 3, 4, 5]))

    mailServerIsAway = true
    await publish('payment.completed', 7, 8, 9)
    await first.close()
    mailServerIsAway = false
    const second = await startMailer([stack.kafkaBrokers], sendMail)
    await eventually(() => expect(inOrder(mailed)).toEqual([1, 2, 3, 4, 5, 7, 8, 9]))
    await publish('payment.completed', 10)
    await eventually(() => expect(mailed.at(-1)).toBe(10))
    await second.close()
    expect(inOrder(mailed)).toEqual([1, 2, 3, 4, 5, 7, 8, 9, 10])
  })
})
