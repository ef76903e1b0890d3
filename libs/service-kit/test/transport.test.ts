import { encodeDomainEvent, type DomainEventRecord } from '@freshet/events'
import type { IncomingBatch, KafkaPort } from '@freshet/kafka'
import { lsn, xid } from '@freshet/pgoutput'
import { FakeKafkaServer } from '@freshet/testing'
import { Controller, type INestMicroservice, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Ctx, Payload } from '@nestjs/microservices'
import { BehaviorSubject, concat, defer, EMPTY, ignoreElements, of, tap, throwError, type Observable } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FreshetKafkaContext, FreshetKafkaStrategy, OnBatch, OnRecord, type FreshetKafkaOptions } from '../src/index.js'

const topic = 'payment.events.v1'
const source = 'freshet/default/app'
const completed = (id: number, name = 'payment.completed') => ({
  topic,
  ...encodeDomainEvent({
    source,
    name,
    key: { id },
    values: { id, memberId: 42 },
    emitted: false,
    commit: { lsn: lsn(BigInt(id)), xid: xid(7n), at: 0, index: 0 },
  }),
  partition: 0,
})

const seen: string[] = []
/** Errors that the next calls end with. */
const failures: Error[] = []
const failOrSee = (what: string): void => {
  const failure = failures.shift()
  if (failure) throw failure
  seen.push(what)
}

@Controller()
class Mailer {
  @OnRecord(topic, 'payment.completed')
  async completed(@Payload() event: DomainEventRecord, @Ctx() context: FreshetKafkaContext): Promise<void> {
    failOrSee(`${event.name} ${String(event.values.id)} at ${String(context.record?.offset)}`)
  }
}

@Controller()
class Pipeline {
  @OnBatch('*.changes.v1')
  changes(@Payload() batch: IncomingBatch): Observable<never> {
    return of(batch).pipe(
      tap(({ records }) => failOrSee(`batch of ${records.length}`)),
      ignoreElements(),
    )
  }
}

@Controller()
class FailsLate {
  @OnBatch()
  late(): Observable<never> {
    return concat(
      EMPTY,
      defer(() => {
        const failure = failures.shift()
        return failure ? throwError(() => failure) : of()
      }),
      defer(() => {
        seen.push('late')
        return EMPTY
      }),
    )
  }
}

describe('the Kafka transport', () => {
  let server: FakeKafkaServer
  let kafka: KafkaPort
  let app: INestMicroservice | undefined

  beforeEach(() => {
    server = new FakeKafkaServer()
    kafka = server.connect()
    seen.length = 0
    failures.length = 0
    server.create({ topic, partitions: 2, config: {} })
  })
  afterEach(async () => {
    await app?.close()
    await kafka.close()
    app = undefined
  })

  const run = async (controller: new () => object, options: Partial<FreshetKafkaOptions> = {}) => {
    @Module({ controllers: [controller] })
    class App {}
    const errors: unknown[] = []
    const strategy = new FreshetKafkaStrategy({
      kafka,
      groupId: 'mailer',
      retryMs: 1,
      onHandlerError: (error) => errors.push(error),
      ...options,
    })
    app = await NestFactory.createMicroservice(App, { strategy, logger: false })
    await app.listen()
    return { strategy, errors }
  }
  const send = async (...records: Parameters<Awaited<ReturnType<KafkaPort['producer']>>['send']>[0]) =>
    (await kafka.producer()).send(records)

  it('gives each completed payment to the handler once, and nothing else', async () => {
    await send(completed(1), completed(2, 'payment.refunded'), completed(3))
    const { strategy } = await run(Mailer)
    await vi.waitFor(() => expect(strategy.health()).toEqual({ state: 'consuming' }))
    await send(completed(4))
    await vi.waitFor(() => expect(seen).toHaveLength(3))
    expect(seen).toEqual(['payment.completed 1 at 0', 'payment.completed 3 at 2', 'payment.completed 4 at 3'])
  })

  it('a handler that throws gets the same record again; those before it are not repeated, none behind it overtakes', async () => {
    await send(completed(1), completed(2), completed(3))
    const { errors } = await run(Mailer)
    await vi.waitFor(() => expect(seen).toHaveLength(3))
    failures.push(new Error('mail server is away'), new Error('still away'))
    await send(completed(4), completed(5))
    await vi.waitFor(() => expect(seen).toHaveLength(5))
    expect(seen.map((line) => line.split(' ')[1])).toEqual(['1', '2', '3', '4', '5'])
    expect(errors).toEqual([new Error('mail server is away'), new Error('still away')])
  })

  it('goes on behind what its group has committed, when it keeps no positions of its own', async () => {
    await run(Mailer)
    await send(completed(1))
    await vi.waitFor(() => expect(seen.at(-1)).toBe('payment.completed 1 at 0'))
    await app?.close()
    seen.length = 0
    await send(completed(2))
    await run(Mailer)
    await vi.waitFor(() => expect(seen).toEqual(['payment.completed 2 at 1']))
  })

  it('a record that cannot be read is told, and the next one is handled', async () => {
    const unreadable: string[] = []
    await run(Mailer, {
      onUnreadable: ({ offset }, error) => void unreadable.push(`${offset} ${error.fault}`),
    })
    await send(
      { topic, partition: 0, key: null, value: '{' },
      { topic, partition: 0, key: null, value: null },
      completed(2),
    )
    await vi.waitFor(() => expect(seen).toEqual(['payment.completed 2 at 2']))
    expect(unreadable).toEqual(['0 not-json'])
  })

  it('hands out batches of topics that match, also of one that comes later', async () => {
    const { strategy } = await run(Pipeline)
    expect(strategy.health().state).toBe('waiting-for-topics')
    server.create({ topic: 'member.changes.v1', partitions: 1, config: {} })
    await send(
      { topic: 'member.changes.v1', key: null, value: 'a' },
      { topic: 'member.changes.v1', key: null, value: 'b' },
    )
    await vi.waitFor(() => expect(seen).toEqual(['batch of 2']), { timeout: 10_000 })
  })

  it('waits for the end of an Observable, and takes its error for what it is', async () => {
    await send(completed(1))
    failures.push(new Error('Redis is away'))
    const topics = new BehaviorSubject<readonly string[]>([])
    const { errors } = await run(FailsLate, { topics })
    topics.next([topic])
    await vi.waitFor(() => expect(seen).toEqual(['late']))
    expect(errors).toEqual([new Error('Redis is away')])
  })

  it('refuses to start without a handler, instead of hanging', async () => {
    class Nothing {}
    await expect(run(Nothing)).rejects.toThrow(/OnBatch or @OnRecord/)
  })
})
