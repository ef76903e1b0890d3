import type { ProducerBatch } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import type { OutgoingRecord } from '../src/index.js'
import { QueueingProducer, type SendingClient } from '../src/producer.js'

/** Clients that note what they send; each request ends as told by `outcomes`, well when there is none left. */
class Clients {
  readonly requests: { readonly client: number; readonly values: string[] }[] = []
  readonly outcomes: (Error | undefined)[] = []
  /** Requests are neither answered nor refused. */
  silent = false
  opened = 0
  closed = 0

  open = async (): Promise<SendingClient> => {
    const client = (this.opened += 1)
    return {
      sendBatch: async ({ topicMessages = [] }: ProducerBatch) => {
        const messages = topicMessages.flatMap(({ messages }) => messages)
        this.requests.push({ client, values: messages.map(({ value }) => String(value)) })
        await new Promise((resolve) => setImmediate(resolve))
        if (this.silent) await new Promise(() => undefined)
        const outcome = this.outcomes.shift()
        if (outcome) throw outcome
        return []
      },
      disconnect: async () => undefined,
      cut: () => void (this.closed += 1),
    }
  }
}

const silenceMs = 200
const record = (value: string): OutgoingRecord => ({ topic: 't', partition: 0, key: null, value })
const start = async () => {
  const clients = new Clients()
  const producer = new QueueingProducer(clients.open, 'none', [], silenceMs)
  await producer.connect()
  return { clients, producer, send: (...values: string[]) => producer.send(values.map(record)) }
}

describe('the producer', () => {
  it('sends one request at a time, and what comes meanwhile together', async () => {
    const { clients, send } = await start()
    const first = send('a')
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([first, send('b'), send('c', 'd')])
    expect(clients.requests.map(({ values }) => values)).toEqual([['a'], ['b', 'c', 'd']])
  })

  it('never sends on with a client whose request failed: the broker would take the next records for repetitions', async () => {
    const { clients, send } = await start()
    clients.outcomes.push(new Error('request timed out'))
    await expect(send('a')).rejects.toMatchObject({ code: 'KAFKA_SEND_FAILED', retriable: true })
    await send('a')
    expect(clients.requests).toEqual([
      { client: 1, values: ['a'] },
      { client: 2, values: ['a'] },
    ])
    expect(clients.closed).toBe(1)
  })

  it('gives up a request that is neither answered nor refused, with its client, and goes on with another', async () => {
    const { clients, send } = await start()
    clients.silent = true
    await expect(send('a')).rejects.toMatchObject({ code: 'KAFKA_SEND_FAILED', kafkaError: 'KafkaSilentError' })
    expect(clients.closed).toBe(1)
    clients.silent = false
    await send('a')
    expect(clients.requests.at(-1)).toEqual({ client: 2, values: ['a'] })
  })

  it('fails what is queued behind a failure, so that nothing overtakes what is sent again', async () => {
    const { clients, send } = await start()
    clients.outcomes.push(new Error('connection lost'))
    const first = send('a')
    await new Promise((resolve) => setImmediate(resolve))
    const second = send('b')
    await expect(first).rejects.toMatchObject({ topics: ['t'] })
    await expect(second).rejects.toMatchObject({ code: 'KAFKA_SEND_FAILED' })
    await send('a', 'b')
    expect(clients.requests.map(({ values }) => values)).toEqual([['a'], ['a', 'b']])
  })

  it('keeps requests small: at most 1,000 records and 900 KB, or one record', async () => {
    const { clients, send } = await start()
    await send(...Array.from({ length: 2_500 }, (_, index) => String(index)))
    const large = 'x'.repeat(500_000)
    await send(large, large, 'y'.repeat(2_000_000), large)
    expect(clients.requests.map(({ values }) => values.length)).toEqual([1_000, 1_000, 500, 1, 1, 1, 1])
    expect(clients.requests.slice(0, 3).flatMap(({ values }) => values)).toEqual(
      Array.from({ length: 2_500 }, (_, index) => String(index)),
    )
  })

  it('says when sending again cannot help', async () => {
    const { clients, send } = await start()
    clients.outcomes.push(Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE' }))
    await expect(send('a')).rejects.toMatchObject({ kafkaError: 'MESSAGE_TOO_LARGE', retriable: false })
  })

  it('does not wait for an answer for ever when it is closed', async () => {
    const clients = new Clients()
    const producer = new QueueingProducer(clients.open, 'none', [], 60_000)
    await producer.connect()
    clients.silent = true
    producer.send([record('a')]).catch(() => undefined)
    await producer.close()
    expect(clients.closed).toBe(1)
  })

  it('sends what is queued before it closes, and nothing after', async () => {
    const { clients, producer, send } = await start()
    const sent = send('a')
    await producer.close()
    await sent
    expect(clients.requests).toHaveLength(1)
    await expect(send('b')).rejects.toMatchObject({ code: 'KAFKA_CLOSED' })
  })
})
